//! A set-up: AWS's two files, the variables, what else lies in the home folder, and what instance
//! metadata answers. It can be printed, put into a home folder, and made smaller.

use std::fmt;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::common::TestEnvironment;
use super::common::fake_aws::{Credentials, FakeAws, Fault, Operation};
use super::common::files::{chmod, give_away};

/// A set-up. Its texts hold placeholders, which [`Lab`] replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUp {
    pub config: AwsFile,
    pub credentials: AwsFile,
    pub variables: Vec<(String, String)>,
    /// Path below the home folder, and contents.
    pub files: Vec<(String, String)>,
    /// For how many seconds the sign-in of `aws login` is good.
    pub login: Option<i64>,
    pub metadata: Metadata,
    pub container: Container,
    pub closed: Option<Closed>,
}

/// In a file, it becomes a byte that is never in UTF-8.
const INVALID: char = '\u{fffe}';

/// One of AWS's two files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsFile {
    /// Below the home folder.
    pub path: String,
    pub kind: FileKind,
    pub has_bom: bool,
    pub has_crlf: bool,
    /// The lines of each section; the first is its header.
    pub sections: Vec<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Text,
    Folder,
    Pipe,
    /// To `/dev/null`.
    Link,
}

/// What no mode lets this user read. The home folder is another user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    Config,
    Credentials,
    AwsFolder,
    Home,
}

/// What instance metadata answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metadata {
    SwitchedOff,
    Unreachable,
    /// Tokens, and a role.
    Role,
    /// Tokens, and no role.
    NoRole,
    /// This status for the request of a token, and a role without one.
    RoleWithoutToken(u16),
    /// A token that comes too late, and a role without one.
    RoleWithLateToken,
    /// This status for the request of a token, and nothing without one.
    TokenRefused(u16),
    /// Tokens, and credentials that are not as they should be.
    Odd(Oddity),
}

/// What a container's endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    Credentials,
    Status(u16),
    Odd(Oddity),
}

/// What can be odd in an answer with credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    Expired,
    /// Without this key.
    Without(&'static str),
    /// This key is an empty string.
    Blank(&'static str),
    NotJson,
    /// A code that tells of a failure, and no credentials.
    Failure,
}

impl AwsFile {
    pub fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            kind: FileKind::Text,
            has_bom: false,
            has_crlf: false,
            sections: Vec::new(),
        }
    }

    fn is_absent(&self) -> bool {
        self.kind == FileKind::Text && self.sections.is_empty()
    }

    fn text(&self) -> String {
        let bom = if self.has_bom { "\u{feff}" } else { "" };
        let end = if self.has_crlf { "\r\n" } else { "\n" };
        let lines = self.sections.iter().flatten();
        lines.fold(bom.to_owned(), |text, line| text + line + end)
    }

    fn write(&self, lab: &Lab, environment: &TestEnvironment) {
        if self.is_absent() {
            return;
        }
        let path = environment.write(&self.path, "");
        if self.kind != FileKind::Text {
            fs::remove_file(&path).expect("a file");
        }
        match self.kind {
            FileKind::Text => {
                let text = lab.fill_in(&self.text(), environment);
                let parts: Vec<&[u8]> = text.split(INVALID).map(str::as_bytes).collect();
                fs::write(&path, parts.join(&0xff)).expect("a file");
            }
            FileKind::Folder => fs::create_dir(&path).expect("a folder"),
            FileKind::Pipe => make_pipe(&path),
            FileKind::Link => symlink("/dev/null", &path).expect("a link"),
        }
    }

    /// Each smaller one.
    fn smaller(&self) -> Vec<Self> {
        let mut smaller = Vec::new();
        if !self.is_absent() {
            smaller.push(Self::new(&self.path));
        }
        if self.has_bom || self.has_crlf {
            smaller.push(Self {
                has_bom: false,
                ..self.clone()
            });
            smaller.push(Self {
                has_crlf: false,
                ..self.clone()
            });
        }
        for at in 0..self.sections.len() {
            let mut file = self.clone();
            file.sections.remove(at);
            smaller.push(file);
        }
        for (at, section) in self.sections.iter().enumerate() {
            // Without its header, a section would be a part of the one before.
            let first = usize::from(section[0].trim_start().starts_with('['));
            for line in first..section.len() {
                let mut file = self.clone();
                file.sections[at].remove(line);
                file.sections.retain(|section| !section.is_empty());
                smaller.push(file);
            }
            for (line, text) in section.iter().enumerate() {
                if text.trim() != text {
                    let mut file = self.clone();
                    file.sections[at][line] = text.trim().to_owned();
                    smaller.push(file);
                }
            }
        }
        smaller
    }
}

impl SetUp {
    pub fn new() -> Self {
        Self {
            config: AwsFile::new(".aws/config"),
            credentials: AwsFile::new(".aws/credentials"),
            variables: Vec::new(),
            files: Vec::new(),
            login: None,
            metadata: Metadata::SwitchedOff,
            container: Container::Credentials,
            closed: None,
        }
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A file below the home folder; one that exists stays.
    pub fn add_file(&mut self, path: &str, contents: &str) {
        if !self.files.iter().any(|(known, _)| known == path) {
            self.files.push((path.to_owned(), contents.to_owned()));
        }
    }

    /// Whether a line of AWS's files starts so.
    pub fn names(&self, start: &str) -> bool {
        let files = [&self.config, &self.credentials];
        let sections = files.into_iter().flat_map(|file| &file.sections);
        sections.flatten().any(|line| line.starts_with(start))
    }

    /// Puts it into a home folder of its own, and tells the fake AWS about it.
    pub fn place(&self, lab: &Lab) -> TestEnvironment {
        lab.aws.heal_all();
        let mut environment = TestEnvironment::with_aws(&lab.aws);
        environment.set("PATH", "/usr/bin:/bin");
        self.metadata.place(lab, &mut environment);
        self.container.place(lab);
        for (name, value) in &self.variables {
            let value = lab.fill_in(value, &environment);
            environment.set(name, &value);
        }
        self.config.write(lab, &environment);
        self.credentials.write(lab, &environment);
        for (path, contents) in &self.files {
            environment.write(path, &lab.fill_in(contents, &environment));
        }
        if let Some(seconds) = self.login {
            environment.login_sign_in(&lab.aws, seconds);
        }
        self.close(&environment);
        environment
    }

    fn close(&self, environment: &TestEnvironment) {
        let home = environment.home();
        let path = match self.closed {
            None => return,
            Some(Closed::Config) => home.join(&self.config.path),
            Some(Closed::Credentials) => home.join(&self.credentials.path),
            Some(Closed::AwsFolder) => home.join(".aws"),
            Some(Closed::Home) => home.to_owned(),
        };
        // A link may lead to a file or a device of the machine, whose mode is not the test's.
        let Ok(found) = fs::symlink_metadata(&path) else {
            return;
        };
        if found.is_symlink() {
            return;
        }
        if self.closed == Some(Closed::Home) {
            give_away(&path);
            chmod(&path, 0o700);
        } else {
            chmod(&path, 0);
        }
    }

    /// Each that lacks one of its parts.
    pub fn smaller(&self) -> Vec<Self> {
        let mut smaller = Vec::new();
        let mut add = |change: &dyn Fn(&mut Self)| {
            let mut set_up = self.clone();
            change(&mut set_up);
            if set_up != *self {
                smaller.push(set_up);
            }
        };
        for at in 0..self.variables.len() {
            add(&|set_up| drop(set_up.variables.remove(at)));
        }
        add(&|set_up| set_up.metadata = Metadata::SwitchedOff);
        add(&|set_up| set_up.container = Container::Credentials);
        add(&|set_up| set_up.login = None);
        add(&|set_up| set_up.closed = None);
        for file in self.config.smaller() {
            add(&|set_up| set_up.config = file.clone());
        }
        for file in self.credentials.smaller() {
            add(&|set_up| set_up.credentials = file.clone());
        }
        for at in 0..self.files.len() {
            add(&|set_up| drop(set_up.files.remove(at)));
        }
        smaller
    }
}

impl Metadata {
    fn place(self, lab: &Lab, environment: &mut TestEnvironment) {
        let aws = &lab.aws;
        aws.set_instance_role(Some(INSTANCE_ROLE));
        let endpoint = match self {
            Self::SwitchedOff => return,
            Self::Unreachable => "http://127.0.0.1:9".to_owned(),
            _ => aws.url(),
        };
        environment.unset("AWS_EC2_METADATA_DISABLED");
        environment.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint);
        match self {
            Self::NoRole => aws.set_instance_role(None),
            Self::RoleWithoutToken(status) => {
                lab.give_role_without_token(Fault::Status(status));
            }
            Self::RoleWithLateToken => {
                lab.give_role_without_token(Fault::Delay(Duration::from_secs(3)));
            }
            Self::TokenRefused(status) => aws.on(Operation::ImdsToken, Fault::Status(status)),
            Self::Odd(oddity) => {
                let answer = Fault::RawResponse(200, Vec::new(), lab.odd_answer(oddity));
                aws.on(Operation::ImdsCredentials, answer);
            }
            Self::SwitchedOff | Self::Unreachable | Self::Role => {}
        }
    }
}

impl Container {
    fn place(self, lab: &Lab) {
        let answer = match self {
            Self::Credentials => return,
            Self::Status(status) => Fault::Status(status),
            Self::Odd(oddity) => Fault::RawResponse(200, Vec::new(), lab.odd_answer(oddity)),
        };
        lab.aws.on(Operation::EcsCredentials, answer);
    }
}

const INSTANCE_ROLE: &str = "arn:aws:iam::111122223333:role/build-node";

/// Whose keys a set-up can hold: a place has keys of its own, so that the answer tells which one
/// was read.
pub const USERS: [&str; 9] = [
    "variables",
    "credentials-default",
    "credentials-work",
    "credentials-base",
    "config-default",
    "config-work",
    "config-base",
    "boto",
    "ec2-file",
];

/// The access key id of one of [`USERS`].
pub fn access_key_id(user: &str) -> String {
    let letters: String = user.chars().filter(|c| *c != '-').collect();
    let (first, last) = (&letters[..3], &letters[letters.len() - 4..]);
    format!("AKIA{first}{last}XXEXAMPLE").to_uppercase()
}

/// The secret access key of one of [`USERS`].
pub fn secret_access_key(user: &str) -> String {
    format!("wJalrXUtnFEMI/{user}/EXAMPLEKEY")
}

pub fn lines(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A fake AWS that knows the users, and whose keys the placeholders of a set-up become.
pub struct Lab {
    pub aws: FakeAws,
    /// Name, and the keys of a session.
    sessions: Vec<(&'static str, Credentials)>,
    /// The keys of the instance, for those who ask without a token.
    instance: serde_json::Value,
}

impl Lab {
    pub fn new() -> Self {
        let aws = FakeAws::start();
        for user in USERS {
            let arn = format!("arn:aws:iam::111122223333:user/{user}");
            aws.add_user(&access_key_id(user), &secret_access_key(user), &arn);
        }
        let session = |name: &str| {
            let principal = format!("arn:aws:sts::111122223333:assumed-role/{name}/session");
            aws.temporary_credentials(&principal, Duration::from_secs(12 * 3600))
        };
        let keys = session("build-node");
        let instance = json!({
            "Code": "Success",
            "LastUpdated": "2026-11-22T15:05:20Z",
            "Type": "AWS-HMAC",
            "AccessKeyId": keys.access_key_id,
            "SecretAccessKey": keys.secret_access_key,
            "Token": keys.session_token,
            "Expiration": keys.expiration(),
        });
        let sessions = ["session", "process"].map(|name| (name, session(name)));
        Self {
            sessions: sessions.to_vec(),
            instance,
            aws,
        }
    }

    /// Instance metadata answers so if it is asked for a token, and needs none.
    fn give_role_without_token(&self, fault: Fault) {
        let text = |text: String| Fault::RawResponse(200, Vec::new(), text);
        self.aws.on(Operation::ImdsToken, fault);
        self.aws
            .on(Operation::ImdsRoleName, text("build-node".to_owned()));
        self.aws
            .on(Operation::ImdsCredentials, text(self.instance.to_string()));
    }

    fn odd_answer(&self, oddity: Oddity) -> String {
        let mut answer = self.instance.clone();
        let object = answer.as_object_mut().expect("an object");
        match oddity {
            Oddity::Expired => object["Expiration"] = "2026-01-01T00:00:00Z".into(),
            Oddity::Without(key) => drop(object.remove(key)),
            Oddity::Blank(key) => object[key] = "".into(),
            Oddity::NotJson => return "<html>".to_owned(),
            Oddity::Failure => answer = json!({"Code": "AssumeRoleUnauthorizedAccess"}),
        }
        answer.to_string()
    }

    /// Replaces `{home}`, `{url}`, `{session.id}` and its like, and `{in:SECONDS}`.
    fn fill_in(&self, text: &str, environment: &TestEnvironment) -> String {
        let home = environment.home().display().to_string();
        let mut text = text
            .replace("{home}", &home)
            .replace("{url}", &self.aws.url());
        for (name, keys) in &self.sessions {
            let token = keys.session_token.as_deref().unwrap_or_default();
            text = text
                .replace(&format!("{{{name}.id}}"), &keys.access_key_id)
                .replace(&format!("{{{name}.secret}}"), &keys.secret_access_key)
                .replace(&format!("{{{name}.token}}"), token);
        }
        while let Some((before, after)) = text.split_once("{in:") {
            let (seconds, after) = after.split_once('}').expect("a placeholder");
            let seconds: i64 = seconds.parse().expect("seconds");
            text = format!("{before}{}{after}", moment(seconds));
        }
        text
    }
}

/// So many seconds from now, without the zone.
fn moment(seconds: i64) -> String {
    let at = OffsetDateTime::from(SystemTime::now()) + time::Duration::seconds(seconds);
    let at = at.replace_nanosecond(0).expect("whole seconds");
    let text = at.format(&Rfc3339).expect("a moment");
    text.trim_end_matches('Z').to_owned()
}

fn make_pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
}

impl fmt::Display for AwsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_absent() {
            return Ok(());
        }
        write!(f, "--- ~/{}", self.path)?;
        if self.kind != FileKind::Text {
            write!(f, " ({:?})", self.kind)?;
        }
        for (is_set, mark) in [(self.has_bom, " (BOM)"), (self.has_crlf, " (CRLF)")] {
            f.write_str(if is_set { mark } else { "" })?;
        }
        f.write_str("\n")?;
        for line in self.sections.iter().flatten() {
            // Only what cannot be seen is escaped.
            let seen = line
                .chars()
                .all(|c| c == ' ' || !c.is_whitespace() && !c.is_control() && c != INVALID);
            if seen && line.trim_end() == line {
                writeln!(f, "{line}")?;
            } else {
                writeln!(f, "{line:?}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for SetUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.variables {
            writeln!(f, "{name}={value:?}")?;
        }
        if self.metadata != Metadata::SwitchedOff {
            writeln!(f, "instance metadata: {:?}", self.metadata)?;
        }
        if self.container != Container::Credentials {
            writeln!(f, "container: {:?}", self.container)?;
        }
        if let Some(closed) = self.closed {
            writeln!(f, "closed: {closed:?}")?;
        }
        if let Some(seconds) = self.login {
            writeln!(f, "aws login: good for {seconds} s")?;
        }
        write!(f, "{}{}", self.config, self.credentials)?;
        for (path, contents) in &self.files {
            writeln!(f, "--- ~/{path}\n{contents}")?;
        }
        Ok(())
    }
}
