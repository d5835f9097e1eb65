//! The documentation, compared with the code: names, keys, messages, permissions, snippets, links and
//! words.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use clap::CommandFactory as _;
use docker_credential_ecrx::cli::Cli;
use docker_credential_ecrx::config::{Config, ConfigPaths};

const README: &str = include_str!("../README.md");
const SECURITY: &str = include_str!("../SECURITY.md");
const CHANGELOG: &str = include_str!("../CHANGELOG.md");
const PACKAGING: &str = include_str!("../packaging/README.md");
const CONTRIBUTING: &str = include_str!("../CONTRIBUTING.md");
const COMMANDS: &str = include_str!("../packaging/man/docker-credential-ecrx.1.md");
const CONFIGURATION: &str = include_str!("../packaging/man/docker-credential-ecrx-config.5.md");
const BENCHMARKS: &str = include_str!("../packaging/man/docker-credential-ecrx-benchmarks.7.md");
const CACHE: &str = include_str!("../packaging/man/docker-credential-ecrx-cache.7.md");
const KUBERNETES: &str = include_str!("../packaging/man/docker-credential-ecrx-kubernetes.7.md");
const TROUBLESHOOTING: &str =
    include_str!("../packaging/man/docker-credential-ecrx-troubleshooting.7.md");
const ENV: &str = include_str!("../src/env.rs");
const SETTINGS: &str = include_str!("../src/config/settings.rs");
const KUBELET_SETTINGS: &str = include_str!("../src/config/kubelet.rs");
const ACTIONS: &str = include_str!("../src/iam/mod.rs");
const EXAMPLE: &str = include_str!("../packaging/config.example.toml");
const MANIFEST: &str = include_str!("../Cargo.toml");

/// README and manual, by their paths.
const MANUAL: [(&str, &str); 7] = [
    ("README.md", README),
    ("packaging/man/docker-credential-ecrx.1.md", COMMANDS),
    (
        "packaging/man/docker-credential-ecrx-config.5.md",
        CONFIGURATION,
    ),
    (
        "packaging/man/docker-credential-ecrx-benchmarks.7.md",
        BENCHMARKS,
    ),
    ("packaging/man/docker-credential-ecrx-cache.7.md", CACHE),
    (
        "packaging/man/docker-credential-ecrx-kubernetes.7.md",
        KUBERNETES,
    ),
    (
        "packaging/man/docker-credential-ecrx-troubleshooting.7.md",
        TROUBLESHOOTING,
    ),
];

/// The other documents.
const OTHERS: [(&str, &str); 4] = [
    ("packaging/README.md", PACKAGING),
    ("SECURITY.md", SECURITY),
    ("CHANGELOG.md", CHANGELOG),
    ("CONTRIBUTING.md", CONTRIBUTING),
];

/// The README is one page: its maximum lines and bytes.
const MAX_README: (usize, usize) = (200, 14 << 10);

/// Words that have plain substitutes. The prose of the documents is searched, and the texts of the
/// program's sources, which the documents quote.
const BANNED: &[&str] = &[
    "a person",
    "anybody",
    "behind",
    "beside",
    "bought",
    "buy",
    "buyer",
    "buyers",
    "buying",
    "buys",
    "kin",
    "nobody",
    "people",
    "purchase",
    "put again",
    "see to",
    "somebody",
    "speak",
    "speaks",
    "stands",
    "who asks",
    "whoever",
];

/// Second names of things that have another name in the documents.
const SECOND_NAMES: &[(&str, &str)] = &[
    ("account id ", "account ID"),
    ("account ids", "account IDs"),
    ("current directory", "working directory"),
    ("external id ", "external ID"),
    ("external ids", "external IDs"),
    ("home folder", "home directory"),
    ("host of your own", "custom host name"),
    ("hosts of your own", "custom host names"),
    ("own host name", "custom host name"),
    ("working folder", "working directory"),
];

/// The text between two marks.
#[track_caller]
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).expect(start);
    rest.split_once(end).map_or(rest, |(part, _)| part)
}

/// A section of a document, without its subsections.
#[track_caller]
fn section(document: &'static str, heading: &str) -> &'static str {
    between(document, &format!("\n{heading}\n"), "\n##")
}

/// A section of a document, with its subsections.
#[track_caller]
fn section_with_parts(document: &'static str, heading: &str) -> &'static str {
    between(document, &format!("\n{heading}\n"), "\n## ")
}

/// All documents, by their paths.
fn documents() -> impl Iterator<Item = (&'static str, &'static str)> + Clone {
    MANUAL.into_iter().chain(OTHERS)
}

/// Code blocks of README and manual in a language.
#[track_caller]
fn all_blocks(language: &str) -> Vec<String> {
    let documents = MANUAL.iter();
    let blocks: Vec<String> = documents
        .flat_map(|(_, document)| blocks(document, language))
        .collect();
    assert!(!blocks.is_empty());
    blocks
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(document: &str) -> BTreeSet<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| {
            let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
            heading.chars().filter(kept).collect::<String>()
        })
        .map(|heading| heading.replace(' ', "-"))
        .collect()
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => assert!(normal.pop(), "{}", path.display()),
            part => normal.push(part),
        }
    }
    normal
}

/// The text without code blocks, code, and link targets, in lower case.
fn prose(document: &str) -> String {
    let outside = |text: &str, mark: &str| text.split(mark).step_by(2).collect::<String>();
    let written = outside(&outside(document, "```"), "`");
    let links = written.split("](").enumerate();
    let text: String = links
        .map(|(number, part)| match number {
            0 => part,
            _ => part.split_once(')').map_or("", |(_, rest)| rest),
        })
        .collect();
    text.to_lowercase()
}

/// Whether a text has a word, or several in a row.
fn has_word(text: &str, word: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    format!(" {} ", words.join(" ")).contains(&format!(" {word} "))
}

/// The first cells of the tables in a text, without heads and rules.
fn first_cells(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(" | ").next())
}

/// The texts in backticks.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    let spans = text.split('`').skip(1).step_by(2);
    spans.filter(|span| !span.is_empty())
}

/// The texts in backticks of a first cell, without its first backtick.
fn spans_of_cell(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').step_by(2).filter(|span| !span.is_empty())
}

/// Code blocks in a language, without indentation.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let parts = document.split(fence.as_str()).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap_or_default())
        .map(|block| block.lines().map(str::trim).collect::<Vec<_>>().join("\n"))
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The variables that the program reads.
fn variables() -> BTreeSet<&'static str> {
    between(ENV, "pub mod var {", "\n}\n")
        .split('"')
        .skip(1)
        .step_by(2)
        .collect()
}

/// The keys of a `Shape` in the configuration's source, by the name it is bound to.
#[track_caller]
fn keys(shape: &str) -> BTreeSet<&'static str> {
    let begin = format!("const {shape}: Shape");
    let source = [SETTINGS, KUBELET_SETTINGS]
        .into_iter()
        .find(|source| source.contains(&begin))
        .expect("a shape");
    let shape = between(source, &begin, ";\n\n");
    let groups = between(shape, "groups: ", ",\n}");
    let identity_keys = between(SETTINGS, "const IDENTITY_KEYS: &[&str] = &[", "]");
    let identity_keys = Some(identity_keys).filter(|_| groups.contains("IDENTITY_KEYS"));
    let texts = [Some(groups), identity_keys].into_iter().flatten();
    texts
        .flat_map(|text| text.split('"').skip(1).step_by(2))
        .collect()
}

/// All files below a folder; none if there is no folder.
fn files_below(folder: PathBuf) -> Vec<PathBuf> {
    let mut folders = vec![folder];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).into_iter().flatten() {
            let path = item.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files
}

/// All sources of the program without tests. Texts that continue in the next line are joined.
fn sources() -> String {
    let mut text = String::new();
    let src = root().join("src");
    for path in files_below(src.clone()) {
        let mut names = path.strip_prefix(&src).expect("below").iter();
        if names.any(|name| name == "tests" || name == "tests.rs") {
            continue;
        }
        let source = fs::read_to_string(&path).expect("a source");
        let (code, _) = source
            .split_once("#[cfg(test)]\nmod tests {")
            .unwrap_or((&source, ""));
        text.push_str(code);
    }
    let lines = text.lines().map(str::trim);
    let code = lines.filter(|line| !line.starts_with("//"));
    code.collect::<Vec<_>>().join("\n").replace("\\\n", "")
}

/// The sources of a test: of `tests/X.rs`, and of every file below `tests/X/`.
#[track_caller]
fn sources_of_test(file: &str) -> String {
    let path = root().join(file);
    let mut text = fs::read_to_string(&path).expect(file);
    // Many tests have no folder.
    for path in files_below(path.with_extension("")) {
        text.push_str(&fs::read_to_string(&path).expect("a source"));
    }
    text
}

#[test]
fn the_readme_is_one_page() {
    let (lines, bytes) = MAX_README;
    assert!(README.lines().count() <= lines);
    assert!(README.len() <= bytes, "{} bytes", README.len());
}

#[test]
fn the_documents_have_no_banned_word() {
    assert!(has_word("nobody's kin", "kin") && !has_word("a kind of", "kin"));
    let example = [("packaging/config.example.toml", EXAMPLE)];
    for (path, document) in documents().chain(example) {
        let text = prose(document);
        for word in BANNED {
            assert!(!has_word(&text, word), "{path}: {word}");
        }
    }
}

#[test]
fn one_thing_has_one_name_in_the_documents() {
    let example = [("packaging/config.example.toml", EXAMPLE)];
    for (path, document) in documents().chain(example) {
        let text = document.replace("\n# ", " ").replace('\n', " ");
        for (second, first) in SECOND_NAMES {
            assert!(
                !text.contains(second),
                "{path}: {second}: should be {first}"
            );
        }
    }
}

#[test]
fn the_texts_of_the_program_have_no_banned_word() {
    let sources = sources();
    let texts = sources
        .lines()
        .flat_map(|line| line.split('"').skip(1).step_by(2));
    for text in texts.map(str::to_lowercase) {
        for word in BANNED {
            assert!(!has_word(&text, word), "{word}: {text}");
        }
    }
}

#[test]
fn the_manual_lists_every_variable_that_is_read_and_no_other() {
    let cells = first_cells(section(COMMANDS, "## Environment"));
    let listed: BTreeSet<&str> = cells.flat_map(spans_of_cell).collect();
    assert_eq!(listed, variables());
}

#[test]
fn the_manual_lists_every_key_of_every_table_and_no_other() {
    let mut listed = BTreeSet::new();
    for (heading, places) in [
        ("## Top-level keys", &["top"][..]),
        ("## Keys of `[cache]`", &["cache"]),
        ("## Keys of `[[registry]]`", &["registry"]),
        (
            "## Keys of an identity",
            &["registry", "defaults", "identity"],
        ),
    ] {
        for key in first_cells(section(CONFIGURATION, heading)) {
            let key = key.trim_end_matches('`');
            listed.extend(places.iter().map(|place| (*place, key)));
        }
    }
    for key in first_cells(section(KUBERNETES, "## Keys of `[kubelet]`")) {
        listed.insert(("kubelet", key.trim_end_matches('`')));
    }
    let mut known = BTreeSet::new();
    for (place, shape) in [
        ("top", "TOP"),
        ("cache", "CACHE"),
        ("kubelet", "KUBELET"),
        ("defaults", "DEFAULTS"),
        ("identity", "IDENTITY"),
        ("registry", "REGISTRY"),
    ] {
        let tables = ["cache", "kubelet", "defaults", "registry", "identity"];
        let keys = keys(shape).into_iter().filter(|key| !tables.contains(key));
        known.extend(keys.map(|key| (place, key)));
    }
    assert_eq!(listed, known);
}

#[test]
fn the_manual_names_every_key_and_table_of_the_example() {
    let mut seen = 0;
    for line in EXAMPLE.lines() {
        // Prose begins with `# `, a disabled setting with `#` alone.
        let Some(setting) = line.strip_prefix('#').filter(|line| !line.starts_with(' ')) else {
            continue;
        };
        let name = setting.split([' ', '=']).next().unwrap_or_default();
        if !name.is_empty() {
            seen += 1;
            let is_named = |page: &str| page.contains(&format!("`{name}`"));
            assert!(is_named(CONFIGURATION) || is_named(KUBERNETES), "{name}");
        }
    }
    assert!(seen > 20, "the example has only {seen} settings");
}

#[test]
fn every_configuration_in_the_documents_is_accepted() {
    let folder = tempfile::tempdir().expect("a folder");
    for block in all_blocks("toml") {
        let path = folder.path().join("config.toml");
        fs::write(&path, &block).expect("a file");
        let paths = ConfigPaths {
            explicit: Some(path),
            ..ConfigPaths::default()
        };
        if let Err(error) = Config::load(&paths) {
            panic!("{error}\n{block}");
        }
    }
}

#[test]
fn every_json_in_the_documents_parses() {
    for block in all_blocks("json") {
        let value: serde_json::Value = serde_json::from_str(&block).expect("JSON");
        let keys = value.as_object().expect("an object");
        for (key, helpers) in keys {
            let is_ours = match key.as_str() {
                "credsStore" => helpers == "ecrx",
                "credHelpers" => {
                    let hosts = helpers.as_object().expect("hosts");
                    hosts.values().all(|helper| {
                        let helper = helper.as_str().expect("a name");
                        match helper.strip_prefix("ecrx-") {
                            Some(name) => CONFIGURATION.contains(&format!("[identity.{name}]")),
                            None => helper == "ecrx",
                        }
                    })
                }
                _ => false,
            };
            assert!(is_ours, "{block}");
        }
    }
}

#[test]
fn every_message_in_the_troubleshooting_table_is_one_of_the_program() {
    let sources = sources();
    let table = section(TROUBLESHOOTING, "## Messages of `docker-credential-ecrx`");
    let mut seen = 0;
    for cell in first_cells(table) {
        for part in spans_of_cell(cell).flat_map(|span| span.split('…')) {
            let part = part.trim();
            assert!(sources.contains(part), "`{part}` is in no source: {cell}");
            seen += usize::from(!part.is_empty());
        }
    }
    assert!(seen > 30, "the table has only {seen} messages");
    // In the text below the table, too.
    let (_, below) = table.rsplit_once(" |\n").expect("the end of the table");
    let below = below.replace('\n', " ");
    let mut messages = code_spans(&below).filter(|span| span.contains('…'));
    let note = messages.next().expect("the note of docker login");
    for part in note.split('…').map(str::trim) {
        assert!(sources.contains(part), "`{part}` is in no source: {note}");
    }
}

#[test]
fn the_manual_lists_every_action_that_a_pull_and_a_push_need() {
    let permissions = section(COMMANDS, "## Permissions");
    let of_repositories = between(ACTIONS, "Access::Pull => &[", "Access::Scan => ");
    let other = ["ecr:GetAuthorizationToken", "sts:AssumeRole"];
    let actions = of_repositories.split('"').skip(1).step_by(2).chain(other);
    let mut seen = 0;
    for action in actions {
        assert!(ACTIONS.contains(action), "{action}");
        assert!(permissions.contains(&format!("`{action}`")), "{action}");
        seen += 1;
    }
    assert!(seen > 10, "the source has only {seen} actions");
}

#[test]
fn every_kind_of_failure_is_in_the_troubleshooting_table() {
    // The beginnings of the messages of `FailureKind` in src/aws/failure/mod.rs. `Refused` has only
    // AWS's words. Add new variants here.
    let failure = include_str!("../src/aws/failure/mod.rs");
    let kinds = between(failure, "enum FailureKind {", "\n}\n");
    let names: Vec<&str> = kinds
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(|line| line.trim_end_matches([' ', '{', ',']))
        .map(|line| line.split('(').next().unwrap_or_default())
        .collect();
    let described = [
        ("SignIn", "the SSO sign-in for profile … has expired"),
        ("SignIn", "the aws login sign-in for profile … has expired"),
        ("NotSignedIn", "no AWS credentials found:"),
        ("Source", "… returned no credentials:"),
        (
            "Loop",
            "credential loop: … called docker-credential-ecrx, which would start it again",
        ),
        ("RoleDenied", "the role … cannot be assumed by …"),
        ("CodeRefused", "the MFA code was rejected:"),
        ("PolicyTooLarge", "the session policy is too large:"),
        ("TokenDenied", "ecr:GetAuthorizationToken is denied to …"),
        ("KeysRefused", "AWS rejected …"),
        ("WrongSecret", "wrong secret access key for …:"),
        (
            "CredentialsExpired",
            "the temporary credentials of … have expired",
        ),
        ("Transport", "the host name cannot be resolved"),
        ("Timeout", "no response within …"),
        ("Throttled", "AWS is throttling requests:"),
        ("ClockSkew", "this machine's clock is wrong:"),
        ("Malformed", "malformed response:"),
        ("Unavailable", "AWS is unavailable:"),
        ("Refused", ""),
    ];
    let mut described_names = described.map(|(name, _)| name).to_vec();
    described_names.dedup();
    assert_eq!(names, described_names);
    let table = section(TROUBLESHOOTING, "## Messages of `docker-credential-ecrx`");
    for (name, message) in described {
        assert!(table.contains(message), "{name}: {message}");
    }
}

/// The functions below these folders that are tests.
fn test_names(folders: &[&str]) -> BTreeSet<String> {
    let files = folders
        .iter()
        .flat_map(|folder| files_below(root().join(folder)));
    let sources = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let mut names = BTreeSet::new();
    for path in sources {
        let text = fs::read_to_string(&path).expect("a source");
        let tests = text.split("#[test]\n").skip(1);
        let named = tests.filter_map(|test| test.split_once("fn ")?.1.split_once('('));
        names.extend(named.map(|(name, _)| name.to_owned()));
    }
    names
}

#[test]
fn each_promise_to_a_reviewer_names_a_test_that_exists() {
    let tests = test_names(&["src", "tests"]);
    let words = SECURITY.split_whitespace().collect::<Vec<_>>().join(" ");
    let named: Vec<&str> = words
        .split("test: `")
        .skip(1)
        .filter_map(|rest| rest.split_once('`').map(|(name, _)| name))
        .collect();
    assert!(named.len() >= 25, "{named:?}");
    for name in named {
        assert!(tests.contains(name), "{name}");
    }
    // Each row of a table of promises names one.
    let promises = SECURITY.split("\n| promise | test |\n|---|---|\n").skip(1);
    let rows = promises.flat_map(|table| table.lines().take_while(|line| line.starts_with('|')));
    for row in rows {
        assert!(row.contains("| test: `"), "{row}");
    }
}

#[test]
fn the_manual_says_what_differs_on_each_platform_and_builder() {
    let platforms = section(COMMANDS, "## Platforms and desktop clients");
    for name in [
        "Docker Desktop",
        "snap",
        "WSL2",
        "Rancher Desktop",
        "colima",
        "dev containers",
        "IDEs started without a shell's `PATH`",
    ] {
        assert!(platforms.contains(&format!("\n| {name} | ")), "{name}");
    }
    let builds = section(COMMANDS, "## Builds and CI");
    let registries = "credential-helpers = [\"containers-auth.json\", \"ecrx\"]";
    assert!(section(COMMANDS, "## Setting up clients").contains(registries));
    assert!(builds.contains("docker-py"));
    for text in [README, builds, SECURITY] {
        assert!(text.contains("kaniko") && text.contains("AWS_ECR_DISABLE_CACHE"));
    }
}

#[test]
fn commands_in_the_documents_exist() {
    assert!(MANIFEST.contains("[[example]]\nname = \"quickstart\""));
    for document in [README, CHANGELOG] {
        assert!(document.contains("cargo run --release --example quickstart"));
    }
    let shell = all_blocks("sh").join("\n");
    assert!(CONTRIBUTING.contains("`cargo test --locked`"));
    assert!(README.contains("`cargo test --locked`"));
    let words: BTreeSet<&str> = shell
        .split("docker-credential-ecrx ")
        .skip(1)
        .filter_map(|rest| rest.split([' ', '\n', ')']).next())
        // `sudo install … dist/docker-credential-ecrx /usr/local/bin/`
        .filter(|word| !word.starts_with('/'))
        .collect();
    assert!(words.len() > 5, "{words:?}");
    for word in words {
        let of_clients = ["get", "kubelet", "version"].contains(&word);
        assert!(of_clients || Cli::has(word), "{word}");
    }
}

#[test]
fn the_manual_lists_every_command() {
    let headings = section_with_parts(COMMANDS, "## Commands").lines();
    let listed: BTreeSet<&str> = headings
        .filter_map(|line| line.strip_prefix("### `")?.split([' ', '`']).next())
        .collect();
    let commands = Cli::command();
    let known: BTreeSet<&str> = commands
        .get_subcommands()
        .map(clap::Command::get_name)
        .collect();
    assert_eq!(listed, known);
}

#[test]
fn the_rust_version_in_the_readme_is_the_manifests() {
    let version = between(MANIFEST, "rust-version = \"", "\"");
    assert!(section(README, "## Installation").contains(&format!("Rust {version} or later")));
}

#[test]
fn the_install_scripts_and_the_chart_have_the_version_of_the_manifest() {
    let version = between(MANIFEST, "\nversion = \"", "\"");
    let files = [
        (
            include_str!("../packaging/install.sh"),
            format!("\nversion={version}\n"),
        ),
        (
            include_str!("../packaging/install.ps1"),
            format!("[string]$Version = '{version}',\n"),
        ),
        (
            include_str!("../packaging/kubernetes/chart/Chart.yaml"),
            format!("\nversion: {version}\nappVersion: {version}\n"),
        ),
    ];
    for (file, line) in files {
        assert!(file.contains(&line), "{line}");
    }
}

#[test]
fn every_link_and_every_named_file_exists() {
    let known: BTreeMap<PathBuf, BTreeSet<String>> = documents()
        .map(|(path, document)| (path.into(), anchors(document)))
        .collect();
    for (path, document) in documents() {
        let folder = Path::new(path).parent().expect("a folder");
        for target in document.split("](").skip(1) {
            let target = target.split(')').next().unwrap_or_default();
            if target.starts_with("https://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => path.into(),
                file => normal(&folder.join(file)),
            };
            assert!(root().join(&file).exists(), "{path}: {target}");
            if !anchor.is_empty() {
                assert!(known[&file].contains(anchor), "{path}: {target}");
            }
        }
        for span in code_spans(document) {
            let ours = ["src/", "tests/", "packaging/", ".ci/"];
            if ours.iter().any(|folder| span.starts_with(folder)) && !span.contains(['{', ' ']) {
                assert!(root().join(PathBuf::from(span)).exists(), "{span}");
            }
        }
    }
}

#[test]
fn the_tests_that_the_comparisons_name_exist() {
    let tables = [
        (section(README, "## Comparison"), 8),
        (section(COMMANDS, "## Differences from ecr-login"), 10),
    ];
    for (table, least) in tables {
        let mut seen = 0;
        for line in table.lines() {
            // `tests/file.rs`: `test_name`, which may be in a file in `tests/file/`
            let Some((_, test)) = line.rsplit_once(" | ") else {
                continue;
            };
            let spans: Vec<&str> = code_spans(test).collect();
            let [file, names @ ..] = &spans[..] else {
                continue;
            };
            let text = sources_of_test(file);
            for name in names {
                seen += 1;
                assert!(text.contains(&format!("fn {name}(")), "{name} in {file}");
            }
        }
        assert!(seen >= least, "the comparison names only {seen} tests");
    }
}

#[test]
fn the_manual_quotes_the_tables_of_cargo_bench() {
    let quoted = between(
        BENCHMARKS,
        "<!-- cargo bench -->",
        "<!-- end of cargo bench -->",
    );
    for part in ["the peer is ", "| warm `get`", "| cold, over TLS"] {
        assert!(quoted.contains(part), "{part}: {quoted}");
    }
}
