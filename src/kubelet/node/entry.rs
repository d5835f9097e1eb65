//! This program's entry in the list of providers.

use serde_json::{Value, json};

use crate::cli::KubeletInstall;

use super::document::Entry;
use super::yaml;

/// The entry without options: that of the configuration for users who write it themselves.
const PACKAGED: &str =
    include_str!("../../../packaging/kubernetes/credential-provider-config.yaml");

/// The order in which the keys of an entry are written.
const KEYS: [&str; 7] = [
    "name",
    "apiVersion",
    "args",
    "defaultCacheDuration",
    "matchImages",
    "tokenAttributes",
    "env",
];

/// The argument that makes the program answer kubelet. `ecr-credential-provider` takes none, so that
/// an entry with it is one of this program.
const ARGUMENT: &str = "kubelet";

/// Whether kubelet runs this program by an entry, as far as the entry says so.
pub(super) fn is_ours(entry: &Value) -> bool {
    items(entry, "args").any(|it| it == ARGUMENT)
}

/// The patterns of an entry.
pub(super) fn patterns(entry: &Value) -> impl Iterator<Item = &str> {
    items(entry, "matchImages").filter_map(Value::as_str)
}

/// The items of a list in an entry. What is not a list has none.
pub(super) fn items<'v>(entry: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    let items = entry.get(key).and_then(Value::as_array);
    items.into_iter().flatten()
}

/// The entry that is wanted. Of an entry of this program, everything stays that no option sets.
///
/// `annotations` are the keys of service accounts' annotations that name a role.
pub(super) fn wanted(
    arguments: &KubeletInstall,
    annotations: &[String],
    existing: Option<&Value>,
) -> Entry {
    let existing = existing.filter(|entry| is_ours(entry)).cloned();
    let mut entry = existing.unwrap_or_else(packaged);
    let mut set = |key: &str, value: Value| entry[key] = value;
    set("name", json!(arguments.name));
    if !arguments.match_image.is_empty() {
        set("matchImages", json!(arguments.match_image));
    }
    if arguments.workload_identity {
        // Static pods have no service account: for them, kubelet sends no token.
        let attributes = json!({
            "serviceAccountTokenAudience": arguments.audience,
            "requireServiceAccount": false,
            "cacheType": "ServiceAccount",
            "optionalServiceAccountAnnotationKeys": annotations,
        });
        set("tokenAttributes", attributes);
    }
    in_order(entry)
}

/// The entry of the packaged configuration.
pub(super) fn packaged() -> Value {
    let mut config = yaml::parse(PACKAGED).expect("the packaged configuration is YAML");
    config["providers"][0].take()
}

/// The keys that kubelet knows in their usual order, then all others.
fn in_order(entry: Value) -> Entry {
    let Value::Object(mut entry) = entry else {
        return Entry(Vec::new());
    };
    let known = KEYS.iter().filter_map(|key| entry.remove_entry(*key));
    let mut keys: Vec<(String, Value)> = known.collect();
    keys.extend(entry);
    Entry(keys)
}
