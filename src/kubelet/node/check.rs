//! `kubelet check`: why kubelet does not start with its configuration of providers, or gets no
//! credentials for an image.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::child;
use crate::cli::KubeletCheck;
use crate::commands::page::CheckMark;
use crate::commands::{Page, Verdict};
use crate::config::{Config, WorkloadPolicy};
use crate::doctor::report::{Area, AreaReport, Check, Conclusion, Diagnosis};
use crate::env::Env;
use crate::error::{Error, escaped, escaped_path, one_line};
use crate::fs::{Pipes, read};
use crate::helper_name;
use crate::kubelet::protocol::{REQUEST_KIND, RESPONSE_KIND};

use super::configuration::{files_of, is_ours, items, patterns};
use super::document::{Document, name_of};
use super::executable::{chain_problems, is_executable};
use super::paths::NodePaths;
use super::rules::{
    self, is_duration, normal_image_name, pattern_matches, pattern_mistake, sample_hosts,
};

/// A configuration is some kilobytes.
const MAX_LENGTH: u64 = 8 << 20;

/// The search path of systemd's services (systemd 257), for a kubelet that does not run.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";

pub(super) fn run(arguments: &KubeletCheck, env: &Env, page: &mut Page) -> Result<Verdict, Error> {
    let paths = NodePaths::find(&arguments.paths, Path::new("/"))?;
    let files = match paths.config.is_dir() {
        true => files_of(&paths.config)?,
        false => vec![paths.config.clone()],
    };
    let mut examination = Examination {
        paths: &paths,
        env,
        documents: Vec::new(),
        checks: Vec::new(),
    };
    examination.read(files);
    examination.providers();
    let image = arguments.image.as_deref().map(normal_image_name);
    let mut areas = vec![AreaReport::new(
        Area::Providers,
        std::mem::take(&mut examination.checks),
    )];
    if let Some(image) = &image {
        areas.push(AreaReport::new(Area::Answer, examination.answers(image)));
    }
    let conclusion = conclude(&areas, image.as_deref());
    let verdict = Verdict::good_if(conclusion.mark != CheckMark::Bad);
    if arguments.json {
        let target = arguments.image.clone();
        page.json(&Diagnosis::new(target, None, areas, conclusion));
    } else {
        for area in &areas {
            area.print(page);
        }
        conclusion.print(page);
    }
    Ok(verdict)
}

struct Examination<'a> {
    paths: &'a NodePaths,
    env: &'a Env,
    documents: Vec<Document>,
    checks: Vec<Check>,
}

impl Examination<'_> {
    fn add(&mut self, check: Check) {
        self.checks.push(check);
    }

    fn read(&mut self, files: Vec<PathBuf>) {
        if files.is_empty() {
            let folder = escaped_path(&self.paths.config);
            self.add(Check::bad(format!(
                "{folder} has no .json, .yaml or .yml file"
            )));
        }
        for file in files {
            let shown = escaped_path(&file);
            let bytes = read(&file, MAX_LENGTH, Pipes::Refused);
            let document = bytes
                .map_err(|error| error.to_string())
                .and_then(|bytes| Document::parse(&bytes).map_err(|error| error.to_string()));
            let document = match document {
                Ok(document) => document,
                Err(why) => {
                    self.add(
                        Check::bad(format!("kubelet cannot read {shown}: {why}")).fix([
                            "Correct the file, or run: docker-credential-ecrx kubelet install",
                        ]),
                    );
                    continue;
                }
            };
            let broken = rules::broken(&document);
            if broken.is_empty() {
                let names: Vec<String> = document
                    .providers()
                    .iter()
                    .filter_map(name_of)
                    .map(escaped)
                    .collect();
                self.add(Check::good(format!("{shown}: {}", names.join(", "))));
            }
            for rule in broken {
                let text = format!("kubelet does not start with {shown}: {rule}");
                self.add(Check::bad(text).summary(format!("kubelet does not start: {rule}")));
            }
            for problem in chain_problems(&file) {
                let text =
                    format!("other users than root can change kubelet's providers: {problem}");
                self.add(Check::bad(text).fix(["Let only root write to the file and its folders"]));
            }
            self.documents.push(document);
        }
    }

    fn entries(&self) -> Vec<Value> {
        self.documents
            .iter()
            .flat_map(Document::providers)
            .cloned()
            .collect()
    }

    fn providers(&mut self) {
        let entries = self.entries();
        let mut names = HashSet::new();
        for name in entries.iter().filter_map(name_of) {
            if !names.insert(name) {
                let text = format!(
                    "kubelet does not start: two providers have the name {}",
                    escaped(name)
                );
                self.add(Check::bad(text).fix(["Remove one of them, or give it another name"]));
            }
        }
        for entry in &entries {
            self.executable(name_of(entry).unwrap_or_default());
            self.patterns(entry);
            if is_ours(entry) || is_ours_by_name(entry) {
                self.settings(entry);
            }
        }
        self.unmatched(&entries);
        if let Some(unused) = self.paths.unused() {
            self.add(Check::warning(unused).fix(["Start kubelet with these flags"]));
        }
    }

    fn executable(&mut self, name: &str) {
        if name.is_empty() || name.contains('/') {
            return;
        }
        let path = self.paths.bin_dir.join(name);
        let shown = escaped_path(&path);
        if !is_executable(&path) {
            let why = match path.exists() {
                true => "is not an executable file",
                false => "does not exist",
            };
            let text = format!("kubelet does not start: {shown} {why}");
            self.add(Check::bad(text).fix(["Run: docker-credential-ecrx kubelet install"]));
            return;
        }
        let problems = chain_problems(&path);
        if problems.is_empty() {
            self.add(Check::good(format!("{shown}: only root can change it")));
        }
        for problem in problems {
            let text = format!(
                "kubelet runs an executable as root that other users can replace: {problem}"
            );
            self.add(Check::bad(text).fix(["Let only root write to the file and its folders"]));
        }
    }

    fn patterns(&mut self, entry: &Value) {
        for pattern in patterns(entry) {
            if let Some((why, fix)) = pattern_mistake(pattern) {
                let name = escaped(name_of(entry).unwrap_or_default());
                let text = format!(
                    "{name}: the pattern {} matches no image: {why}",
                    escaped(pattern)
                );
                let check = Check::warning(text).summary("a pattern matches no image");
                self.add(check.fix([fix]));
            }
        }
    }

    /// The settings of this program's entries.
    fn settings(&mut self, entry: &Value) {
        let name = escaped(name_of(entry).unwrap_or_default());
        let mut names = items(entry, "env").filter_map(name_of);
        if !names.any(|name| name == "HOME") && !self.kubelet_has_home() {
            self.add(Check::unknown(format!(
                "{name}: HOME is not set, so the home directory in the password database is used"
            )));
        }
        let config = match Config::from_env(self.env) {
            Ok(config) => config.kubelet,
            Err(error) => {
                let text = format!("{name}: invalid configuration: {error}");
                self.add(Check::bad(text).summary("config.toml is invalid"));
                return;
            }
        };
        let Some(attributes) = entry.get("tokenAttributes").filter(|it| !it.is_null()) else {
            if config.workload == WorkloadPolicy::Required {
                let text = format!(
                    "{name}: config.toml has workload = \"required\", but kubelet sends no service account token, so that it gives no credentials"
                );
                let fix = format!(
                    "Run: docker-credential-ecrx kubelet install --name {name} --workload-identity"
                );
                self.add(Check::bad(text).fix([fix]));
            }
            return;
        };
        let is_sent = |key: &String| {
            let lists = [rules::REQUIRED, rules::OPTIONAL];
            lists
                .iter()
                .any(|list| items(attributes, list).any(|it| it == key))
        };
        let missing: Vec<&String> = config
            .role_annotations
            .iter()
            .filter(|key| !is_sent(key))
            .collect();
        for key in missing {
            let text = format!(
                "{name}: kubelet does not send the annotation {}, so its role is not used",
                escaped(key)
            );
            let fix = format!("Add it to {} in tokenAttributes", rules::OPTIONAL);
            self.add(
                Check::warning(text)
                    .summary("kubelet does not send the role's annotation")
                    .fix([fix]),
            );
        }
    }

    fn kubelet_has_home(&self) -> bool {
        let environment = self.paths.kubelet_environment();
        environment.is_some_and(|variables| variables.iter().any(|(name, _)| name == "HOME"))
    }

    /// The forms of ECR hosts that no provider is for.
    fn unmatched(&mut self, entries: &[Value]) {
        let is_matched = |host: &String| {
            entries
                .iter()
                .flat_map(patterns)
                .any(|it| pattern_matches(it, host))
        };
        let (matched, unmatched): (Vec<String>, Vec<String>) = sample_hosts().partition(is_matched);
        if matched.is_empty() {
            let text = "no provider is for images of Amazon ECR";
            let fix = "Run: docker-credential-ecrx kubelet install";
            self.add(Check::bad(text).fix([fix]));
        } else if !unmatched.is_empty() {
            let text = format!("no provider is for hosts such as {}", unmatched.join(", "));
            self.add(Check::unknown(text));
        }
    }

    /// The answers of all providers for an image.
    fn answers(&self, image: &str) -> Vec<Check> {
        let entries = self.entries();
        let matching: Vec<&Value> = entries
            .iter()
            .filter(|entry| patterns(entry).any(|it| pattern_matches(it, image)))
            .collect();
        if matching.is_empty() {
            let text = format!(
                "no provider is for {image}, so kubelet pulls it without credentials of a provider"
            );
            let fix = "Add a pattern for its host to matchImages, as with kubelet install --match-image PATTERN";
            return vec![
                Check::bad(text)
                    .summary("no provider is for the image")
                    .fix([fix]),
            ];
        }
        let environment = self
            .paths
            .kubelet_environment()
            .unwrap_or_else(|| vec![(OsString::from("PATH"), OsString::from(PATH))]);
        matching
            .into_iter()
            .map(|entry| check_answer(entry, &self.paths.bin_dir, image, &environment))
            .collect()
    }
}

/// Whether the entry's name is one of this program, which then runs without the argument, too.
fn is_ours_by_name(entry: &Value) -> bool {
    name_of(entry).is_some_and(|name| !helper_name::is_foreign(name.as_ref()))
}

fn conclude(areas: &[AreaReport], image: Option<&str>) -> Conclusion {
    let checks = || areas.iter().flat_map(|area| &area.checks);
    let first = |mark| checks().find(|check| check.mark == mark);
    let words = |check: &Check| check.summary.clone().unwrap_or_else(|| check.text.clone());
    let (mark, text) = if let Some(check) = first(CheckMark::Bad) {
        (CheckMark::Bad, format!("Failed: {}.", words(check)))
    } else if let Some(check) = first(CheckMark::Warning) {
        let text = format!("No failure found, with a warning: {}.", words(check));
        (CheckMark::Warning, text)
    } else {
        let text = match image {
            Some(image) => format!("Works: kubelet gets an answer for {image}."),
            None => "This node is set up. To check an image, run: docker-credential-ecrx kubelet check IMAGE".to_owned(),
        };
        (CheckMark::Good, text)
    };
    Conclusion {
        mark,
        text,
        path: Vec::new(),
        changes: Vec::new(),
    }
}

/// After that, kubelet kills a provider.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

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

/// What is in the texts is not looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    #[serde(rename = "username", default)]
    _username: String,
    #[serde(rename = "password", default)]
    _password: String,
}

/// Runs a provider for an image. `environment` is kubelet's own.
fn check_answer(
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
        "kind": REQUEST_KIND,
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
    let ended = match child::run(command, format!("{request}\n").as_bytes(), ANSWER_LIMIT) {
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
    // serde also reads a list as an object.
    let is_object = ended.stdout.trim_ascii_start().starts_with(b"{");
    let response: Response = match serde_json::from_slice(&ended.stdout) {
        Ok(response) if is_object => response,
        // Its text could contain a part of the password.
        _ => {
            return failed(
                "its response is not a CredentialProviderResponse, or has unknown fields",
            );
        }
    };
    if response.kind != RESPONSE_KIND || response.api_version != version {
        return failed(&format!(
            "its response is {} {}, not {} {version}",
            response.api_version, response.kind, RESPONSE_KIND
        ));
    }
    if let Some(duration) = response
        .cache_duration
        .as_deref()
        .filter(|it| !is_duration(it))
    {
        let duration = escaped(duration);
        return failed(&format!(
            "the cacheDuration `{duration}` of its response is not a time such as 0s or 6h"
        ));
    }
    let auth = response.auth.unwrap_or_default();
    let keys: Vec<&str> = auth.keys().map(String::as_str).collect();
    if keys.is_empty() {
        let text = format!("{shown} answers without credentials, so {image} is pulled anonymously");
        return Check::warning(text).summary("the answer has no credentials");
    }
    if !keys.iter().any(|key| pattern_matches(key, image)) {
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
