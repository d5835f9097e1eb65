//! One request to a provider, as kubelet sends it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::doctor::report::Check;
use crate::error::{escaped, one_line};
use crate::kubelet::{request, response};

use super::document::name_of;
use super::entry::items;
use super::image_pattern;
use super::program;

/// After that, kubelet kills a provider.
const LIMIT: Duration = Duration::from_secs(60);

/// The response. kubelet drops one with unknown fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Response {
    kind: String,
    api_version: String,
    cache_key_type: CacheKeyType,
    cache_duration: Option<String>,
    auth: Option<BTreeMap<String, Login>>,
}

#[derive(Debug, Deserialize)]
enum CacheKeyType {
    Image,
    Registry,
    Global,
}

/// What is in it is not looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    #[serde(rename = "username", default)]
    _username: IgnoredAny,
    #[serde(rename = "password", default)]
    _password: IgnoredAny,
}

/// Runs a provider for an image. `environment` is kubelet's own.
pub(super) fn check(
    entry: &Value,
    bin_dir: &Path,
    image: &str,
    environment: &[(OsString, OsString)],
) -> Check {
    let name = name_of(entry).unwrap_or_default();
    let shown = escaped(name);
    let attributes = entry.get("tokenAttributes").filter(|it| !it.is_null());
    let requires = attributes.and_then(|it| it.get("requireServiceAccount"));
    if requires.and_then(Value::as_bool) == Some(true) {
        let text = format!(
            "{shown} was not run: it needs the token of a pod's service account, which only kubelet gets"
        );
        return Check::unknown(text);
    }
    let version = entry
        .get("apiVersion")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let request = json!({
        "kind": request::KIND,
        "apiVersion": version,
        "image": image,
    });
    let mut command = Command::new(bin_dir.join(name));
    command
        .args(items(entry, "args").filter_map(Value::as_str))
        .env_clear()
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir("/");
    for variable in items(entry, "env") {
        let text = |key: &str| variable.get(key).and_then(Value::as_str);
        if let (Some(name), Some(value)) = (text("name"), text("value")) {
            command.env(name, value);
        }
    }
    let failed = |why: &str| {
        Check::bad(format!(
            "{shown} gives no credentials for {image}: {}",
            one_line(why)
        ))
        .summary(format!("{shown} gives no credentials"))
    };
    let ended = match program::run(command, format!("{request}\n").as_bytes(), LIMIT) {
        Ok(ended) => ended,
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            return failed("it did not end within 60 s, after which kubelet kills it");
        }
        Err(error) => return failed(&format!("it cannot be run: {error}")),
    };
    if !ended.status.success() {
        return failed(&match ended.stderr.trim() {
            "" => format!("it failed without a message ({})", ended.status),
            stderr => stderr.to_owned(),
        });
    }
    let response: Response = match serde_json::from_slice(&ended.stdout) {
        Ok(response) => response,
        // Its text could contain a part of the password.
        Err(_) => {
            return failed(
                "its response is not a CredentialProviderResponse, or has unknown fields",
            );
        }
    };
    if response.kind != response::KIND || response.api_version != version {
        return failed(&format!(
            "its response is {} {}, not {} {version}",
            response.api_version,
            response.kind,
            response::KIND
        ));
    }
    let auth = response.auth.unwrap_or_default();
    let keys: Vec<&str> = auth.keys().map(String::as_str).collect();
    if keys.is_empty() {
        let text = format!("{shown} answers without credentials, so {image} is pulled anonymously");
        return Check::warning(text).summary("the answer has no credentials");
    }
    if !keys.iter().any(|key| image_pattern::matches(key, image)) {
        return failed(&format!(
            "its credentials are for {}, which is not the image's registry",
            keys.join(", ")
        ));
    }
    let lifetime = match (response.cache_duration, entry.get("defaultCacheDuration")) {
        (Some(duration), _) => duration,
        (None, duration) => duration.and_then(Value::as_str).unwrap_or("0s").to_owned(),
    };
    let kind = format!("{:?}", response.cache_key_type).to_lowercase();
    let mut text = format!(
        "{shown} gives credentials for {}, which kubelet caches for {} (per {kind})",
        keys.join(", "),
        escaped(&lifetime)
    );
    if attributes.is_some() {
        text.push_str("; it was run without a service account token, as for a static pod");
    }
    Check::good(text)
}
