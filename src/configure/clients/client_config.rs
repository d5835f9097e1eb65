//! A client's configuration, read as the clients read it, and edited in its text: every other byte
//! stays. Additions follow the style of the file: its indentation, its line ends, or all on one line.
//!
//! Seen with docker 20.10, 26.1 and 28.2, podman 4.3 and 5.4, skopeo 1.9 and 1.18, which read it
//! with Go's `encoding/json`. Names of settings match in any case. If an object is repeated, its
//! entries are merged, and a later one wins; an object after `null` starts anew. A byte order mark,
//! a comment or a trailing comma make the file unreadable. An empty file is valid for docker, and
//! unreadable for podman.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions, ast, parse_to_ast};
use time::OffsetDateTime;

use crate::configure::user_file::{UserFile, UserFileError};
use crate::helper_name::is_ours;
use crate::net::split_scheme;
use crate::registry::ServerName;
use crate::secret::Secret;
use crate::token;

pub(super) const CRED_HELPERS: &str = "credHelpers";
pub(super) const CREDS_STORE: &str = "credsStore";
pub(super) const AUTHS: &str = "auths";

/// The bytes that some editors write before UTF-8 text.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Replaces a text that may be secret.
const MASKED: &str = "\"…\"";

/// The settings whose values are names of helpers and contexts. All others except `credHelpers`
/// may contain secrets: logins, headers, proxies with passwords.
const HARMLESS: [&str; 2] = [CREDS_STORE, "currentContext"];

/// A configuration: its text, and the text parsed.
#[derive(Clone)]
pub(crate) struct ClientConfig {
    path: PathBuf,
    /// It may contain logins.
    pub(super) text: Secret,
    /// `None` if the text is blank.
    pub(super) top: Option<Value>,
}

/// A login that is saved in the file.
#[derive(Clone, Debug)]
pub(crate) struct SavedLogin {
    /// The key as written: a host, with or without scheme and path.
    pub key: String,
    /// `base64(user:password)`.
    pub auth: Option<Secret>,
    /// The user name of `auth`, as older releases wrote it.
    pub username: Option<String>,
    /// Its password, as older releases wrote it.
    pub password: Option<Secret>,
    pub identity_token: Option<Secret>,
    /// A token for this registry only.
    pub registry_token: Option<Secret>,
}

impl SavedLogin {
    /// Whether it contains a secret. Docker Desktop writes empty entries for logins that are stored
    /// elsewhere.
    pub(crate) fn is_secret(&self) -> bool {
        let secrets = [
            &self.auth,
            &self.password,
            &self.identity_token,
            &self.registry_token,
        ];
        secrets.into_iter().any(Option::is_some)
    }

    /// When the login expires, if its password is an ECR token that is valid at this moment.
    pub(crate) fn valid_until(&self, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let expires_at = token::saved_expiry(self.auth.as_ref()?.expose())?;
        (now < expires_at).then_some(expires_at)
    }
}

/// Without the text, which may contain logins.
impl fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConfig")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// The byte order mark that a text begins with (or nothing), and the rest.
pub(crate) fn split_byte_order_mark(bytes: &[u8]) -> (&'static str, &[u8]) {
    match bytes.strip_prefix(BYTE_ORDER_MARK.as_bytes()) {
        Some(rest) => (BYTE_ORDER_MARK, rest),
        None => ("", bytes),
    }
}

impl ClientConfig {
    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    /// When the clients could not read it either, or root must not follow a link to it.
    pub(crate) fn read_file(path: &Path) -> Result<Option<Self>, ClientConfigError> {
        let file = UserFile::read(path)?;
        file.bytes()
            .map(|bytes| Self::read(path, bytes))
            .transpose()
    }

    /// # Errors
    /// When the clients could not read it either.
    pub(crate) fn read(path: &Path, bytes: &[u8]) -> Result<Self, ClientConfigError> {
        let path = path.to_owned();
        if bytes.starts_with(BYTE_ORDER_MARK.as_bytes()) {
            return Err(ClientConfigError::ByteOrderMark { path });
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(ClientConfigError::NotUtf8 { path });
        };
        let top = parse_json(&path, text)?;
        let config = Self {
            path,
            text: Secret::new(text),
            top,
        };
        config.check_shape()?;
        Ok(config)
    }

    fn check_shape(&self) -> Result<(), ClientConfigError> {
        let wrong = |what| {
            Err(ClientConfigError::Shape {
                path: self.path.clone(),
                what,
            })
        };
        let is_object = |value: &Value| matches!(value.kind, ValueKind::Object(_));
        let of_objects = |value: &Value| value.is_null() || is_object(value);
        let of_text = |value: &Value| value.is_null() || value.text().is_some();
        match &self.top {
            Some(top) if top.is_null() => {
                return Err(ClientConfigError::Beyond {
                    path: self.path.clone(),
                    line: 1,
                    column: 1,
                    reason: "expected a JSON object, found null".to_owned(),
                });
            }
            Some(top) if !is_object(top) => return wrong("expected a JSON object"),
            _ => {}
        }
        for setting in self.settings(CRED_HELPERS) {
            let mut hosts = setting.value.properties().iter();
            if !of_objects(&setting.value) {
                return wrong("credHelpers is not an object");
            }
            if !hosts.all(|host| of_text(&host.value)) {
                return wrong("a value in credHelpers is not a helper name");
            }
        }
        let mut stores = self.settings(CREDS_STORE);
        if !stores.all(|setting| of_text(&setting.value)) {
            return wrong("credsStore is not a helper name");
        }
        for setting in self.settings(AUTHS) {
            let mut logins = setting.value.properties().iter();
            if !of_objects(&setting.value) || !logins.all(|login| of_objects(&login.value)) {
                return wrong("auths is not an object of logins");
            }
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The whole text, logins included.
    pub(crate) fn text(&self) -> &Secret {
        &self.text
    }

    /// All settings of this name, in order.
    pub(super) fn settings<'d>(&'d self, name: &str) -> impl Iterator<Item = &'d Property> {
        let top = self.top.as_ref().map(Value::properties).unwrap_or_default();
        top.iter().filter(move |property| property.is_called(name))
    }

    /// The entries that apply in all objects of this name, in order. A later one replaces an
    /// earlier one of the same name.
    pub(super) fn entries<'d>(&'d self, name: &str) -> Vec<&'d Property> {
        let mut entries: Vec<&Property> = Vec::new();
        for setting in self.settings(name) {
            if setting.value.is_null() {
                entries.clear();
            }
            entries.extend(setting.value.properties());
        }
        let mut later = HashSet::new();
        entries.reverse();
        entries.retain(|entry| later.insert(&entry.name));
        entries.reverse();
        entries
    }

    /// The entries of `credHelpers`: hosts, each with its helper.
    pub(crate) fn cred_helpers(&self) -> Vec<(&str, &str)> {
        let entries = self.entries(CRED_HELPERS).into_iter();
        entries
            .filter_map(|entry| Some((entry.name.as_str(), entry.value.text()?)))
            .filter(|(_, helper)| !helper.is_empty())
            .collect()
    }

    /// The entries of `credHelpers` that name this program.
    pub(crate) fn own_helpers(&self) -> impl Iterator<Item = (&str, &str)> {
        let helpers = self.cred_helpers().into_iter();
        helpers.filter(|(_, helper)| is_ours(helper))
    }

    /// The helper of exactly this host.
    pub(crate) fn helper_of(&self, host: &str) -> Option<&str> {
        let mut helpers = self.cred_helpers().into_iter();
        helpers.find_map(|(key, helper)| (key == host).then_some(helper))
    }

    /// The helper of all other hosts.
    pub(crate) fn creds_store(&self) -> Option<&str> {
        self.text_of(CREDS_STORE)
    }

    /// The last text of this name. `null` leaves an earlier one.
    fn text_of(&self, name: &str) -> Option<&str> {
        let texts = self
            .settings(name)
            .filter_map(|setting| setting.value.text());
        texts.last().filter(|text| !text.is_empty())
    }

    /// Whether Docker Desktop manages this file: it resets credsStore when it starts.
    pub(crate) fn is_docker_desktops(&self) -> bool {
        let store = self.creds_store().unwrap_or_default();
        let context = self.text_of("currentContext").unwrap_or_default();
        matches!(store, "desktop" | "desktop.exe") || context.starts_with("desktop-")
    }

    /// The logins in the file, including those without a secret.
    pub(crate) fn logins(&self) -> Vec<SavedLogin> {
        let entries = self.entries(AUTHS);
        entries
            .into_iter()
            .map(|entry| {
                let text = |name: &str| {
                    let fields = entry.value.properties().iter();
                    let mut texts = fields
                        .filter(|field| field.is_called(name))
                        .filter_map(|field| field.value.text());
                    texts.next_back().filter(|text| !text.is_empty())
                };
                SavedLogin {
                    key: entry.name.clone(),
                    auth: text("auth").map(Secret::new),
                    username: text("username").map(str::to_owned),
                    password: text("password").map(Secret::new),
                    identity_token: text("identitytoken").map(Secret::new),
                    registry_token: text("registrytoken").map(Secret::new),
                }
            })
            .collect()
    }

    /// The text, with every value masked that may be secret.
    pub(crate) fn masked(&self) -> String {
        let mut masked = Vec::new();
        for setting in self.top.iter().flat_map(Value::properties) {
            mask_name(setting, &mut masked);
            match &setting.value.kind {
                ValueKind::Object(hosts) if setting.is_called(CRED_HELPERS) => {
                    hosts.iter().for_each(|host| mask_name(host, &mut masked));
                }
                ValueKind::Text(_) if HARMLESS.iter().any(|name| setting.is_called(name)) => {}
                _ => mask(&setting.value, &mut masked),
            }
        }
        let mut text = self.text().expose().to_owned();
        masked.sort_by_key(|range| range.start);
        for range in masked.into_iter().rev() {
            text.replace_range(range, MASKED);
        }
        text
    }
}

/// The host of a key of `auths`, as docker and podman read it: without scheme and path.
pub(crate) fn host_of(key: &str) -> &str {
    let rest = match split_scheme(key) {
        (Some("https" | "http"), rest) => rest,
        _ => key,
    };
    rest.split('/').next().unwrap_or(rest)
}

/// Whether two texts name the same server in any spelling: with scheme, path, capitals, or the port
/// of https.
pub(crate) fn is_same_server(one: &str, other: &str) -> bool {
    let server = |text: &str| {
        let name = ServerName::parse(text)?;
        Some((name.host, name.port.unwrap_or(443)))
    };
    server(one).is_some_and(|one| server(other) == Some(one))
}

/// Whether a text names one of these servers, in any spelling.
pub(crate) fn is_one_of_servers(key: &str, hosts: &[String]) -> bool {
    hosts.iter().any(|host| is_same_server(key, host))
}

fn mask(value: &Value, masked: &mut Vec<Range<usize>>) {
    match &value.kind {
        ValueKind::Text(_) => masked.push(value.range.clone()),
        ValueKind::List(values) => values.iter().for_each(|value| mask(value, masked)),
        ValueKind::Object(properties) => {
            for property in properties {
                mask_name(property, masked);
                mask(&property.value, masked);
            }
        }
        ValueKind::Null | ValueKind::Other => {}
    }
}

/// Masks a key that may contain a password (`https://alice:secret@host`).
fn mask_name(property: &Property, masked: &mut Vec<Range<usize>>) {
    if property.name.contains('@') {
        masked.push(property.name_range.clone());
    }
}

/// A JSON value, and its bytes in the text.
#[derive(Clone)]
pub(super) struct Value {
    pub range: Range<usize>,
    kind: ValueKind,
}

/// A kind of JSON value. Numbers and Boolean values are not read.
#[derive(Clone)]
enum ValueKind {
    Object(Vec<Property>),
    List(Vec<Value>),
    Text(String),
    Null,
    Other,
}

/// A name and its value. A name may be repeated.
#[derive(Clone)]
pub(super) struct Property {
    pub name: String,
    /// The name with its quotes.
    pub name_range: Range<usize>,
    pub value: Value,
}

impl Property {
    /// As Go's `encoding/json` finds the field of a structure: in any case.
    fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// From the name to the end of the value.
    fn range(&self) -> Range<usize> {
        self.name_range.start..self.value.range.end
    }
}

impl Value {
    /// The properties of an object, none of anything else.
    fn properties(&self) -> &[Property] {
        match &self.kind {
            ValueKind::Object(properties) => properties,
            _ => &[],
        }
    }

    fn text(&self) -> Option<&str> {
        match &self.kind {
            ValueKind::Text(text) => Some(text),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self.kind, ValueKind::Null)
    }
}

/// Parses a text as strictly as the clients do; `None` if it is blank.
fn parse_json(path: &Path, text: &str) -> Result<Option<Value>, ClientConfigError> {
    if text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
        return Ok(None);
    }
    // serde_json is the stricter parser, and reports where it fails, but not the byte range of a
    // value.
    serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| {
        let reason = error.to_string();
        let place = reason.rfind(" at line ").unwrap_or(reason.len());
        ClientConfigError::Syntax {
            path: path.to_owned(),
            line: error.line(),
            column: error.column(),
            reason: reason[..place].to_owned(),
        }
    })?;
    let strict = ParseOptions {
        allow_comments: false,
        allow_loose_object_property_names: false,
        allow_trailing_commas: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    // What fails here has more than 512 levels, or half a surrogate pair (`\ud800`), which the
    // clients replace.
    let parsed = parse_to_ast(text, &CollectOptions::default(), &strict);
    let parsed = parsed.map_err(|error| ClientConfigError::Beyond {
        path: path.to_owned(),
        line: error.line_display(),
        column: error.column_display(),
        reason: error.kind().to_string(),
    })?;
    Ok(parsed.value.map(value))
}

fn value(parsed: ast::Value<'_>) -> Value {
    let range = parsed.range();
    let range = range.start..range.end;
    let kind = match parsed {
        ast::Value::Object(object) => {
            ValueKind::Object(object.properties.into_iter().map(property).collect())
        }
        ast::Value::Array(list) => ValueKind::List(list.elements.into_iter().map(value).collect()),
        ast::Value::StringLit(text) => ValueKind::Text(text.value.into_owned()),
        ast::Value::NullKeyword(_) => ValueKind::Null,
        _ => ValueKind::Other,
    };
    Value { range, kind }
}

fn property(property: ast::ObjectProp<'_>) -> Property {
    let (range, name) = match property.name {
        ast::ObjectPropName::String(name) => (name.range, name.value),
        ast::ObjectPropName::Word(name) => (name.range, Cow::Borrowed(name.value)),
    };
    Property {
        name: name.into_owned(),
        name_range: range.start..range.end,
        value: value(property.value),
    }
}

/// Why a client's configuration was not read or not changed. The file is unchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientConfigError {
    #[error(transparent)]
    File(#[from] UserFileError),
    /// The file has no location.
    #[error(
        "no home directory was found, so the configuration file of {0} has no location: set HOME"
    )]
    NoHome(&'static str),
    /// Windows editors write it before UTF-8 text. The clients, written in Go, refuse the file.
    #[error(
        "{} begins with a byte order mark, so docker and podman cannot read it",
        path.display()
    )]
    ByteOrderMark { path: PathBuf },
    /// Clients read it with replacement characters, and would write those.
    #[error("{} is not UTF-8 text", path.display())]
    NotUtf8 { path: PathBuf },
    /// It is not JSON, or JSON with comments. Lines and columns count from 1.
    #[error(
        "{}:{line}:{column}: {reason}; docker and podman cannot read the file either (JSON allows no comments or trailing commas)",
        path.display()
    )]
    Syntax {
        path: PathBuf,
        line: usize,
        column: usize,
        reason: String,
    },
    /// JSON that the clients can read, but this program cannot. Lines and columns count from 1.
    #[error("{}:{line}:{column}: {reason}; docker-credential-ecrx cannot edit this file", path.display())]
    Beyond {
        path: PathBuf,
        line: usize,
        column: usize,
        reason: String,
    },
    /// JSON of another structure than clients expect.
    #[error("{}: {what}; docker and podman cannot read the file either", path.display())]
    Shape { path: PathBuf, what: &'static str },
}

/// How docker itself indents.
const INDENT: &str = "\t";

/// The text that docker itself writes between a name and its value.
const COLON: &str = ": ";

impl ClientConfig {
    /// Sets the helper of this host.
    pub(crate) fn set_helper(&self, host: &str, helper: &str) -> Result<Self, ClientConfigError> {
        if self.helper_of(host) == Some(helper) {
            return Ok(self.clone());
        }
        if let Some(entry) = self
            .entries(CRED_HELPERS)
            .into_iter()
            .find(|entry| entry.name == host)
        {
            return self.with(entry.value.range.clone(), &quoted(helper));
        }
        self.with_entry(CRED_HELPERS, host, &NewValue::Text(helper))
    }

    /// Removes the entries of `credHelpers` that `is_meant` selects by host and helper, and
    /// `credHelpers` itself if it had no others.
    pub(crate) fn without_helpers(
        &self,
        is_meant: impl Fn(&str, &str) -> bool,
    ) -> Result<Self, ClientConfigError> {
        let is_meant = |entry: &Property| {
            let helper = entry.value.text().unwrap_or_default();
            is_meant(&entry.name, helper)
        };
        let is_concerned = |setting: &Property| setting.value.properties().iter().any(is_meant);
        self.without_in(CRED_HELPERS, is_concerned, |config, setting| {
            if setting.value.properties().iter().all(is_meant) {
                config.without_setting(setting)
            } else {
                config.without_properties(&setting.value, is_meant)
            }
        })
    }

    /// Sets the helper of all hosts that `credHelpers` does not name.
    pub(crate) fn set_creds_store(&self, helper: &str) -> Result<Self, ClientConfigError> {
        if self.creds_store() == Some(helper) {
            return Ok(self.clone());
        }
        match self.settings(CREDS_STORE).last() {
            Some(setting) => self.with(setting.value.range.clone(), &quoted(helper)),
            None => self.with_setting(CREDS_STORE, &NewValue::Text(helper)),
        }
    }

    /// Removes every `credsStore` that `is_meant` selects.
    pub(crate) fn without_creds_store(
        &self,
        is_meant: impl Fn(&str) -> bool,
    ) -> Result<Self, ClientConfigError> {
        let is_concerned = |setting: &Property| setting.value.text().is_some_and(&is_meant);
        self.without_in(CREDS_STORE, is_concerned, Self::without_setting)
    }

    /// Removes a login, including repetitions.
    pub(crate) fn without_login(&self, key: &str) -> Result<Self, ClientConfigError> {
        let is_meant = |login: &Property| login.name == key;
        let is_concerned = |setting: &Property| setting.value.properties().iter().any(is_meant);
        self.without_in(AUTHS, is_concerned, |config, setting| {
            config.without_properties(&setting.value, is_meant)
        })
    }

    /// Removes something from the settings of this name until none is concerned. The text is read
    /// again after each removal, as later ranges have moved.
    fn without_in(
        &self,
        name: &str,
        is_concerned: impl Fn(&Property) -> bool,
        without: impl Fn(&Self, &Property) -> Result<Self, ClientConfigError>,
    ) -> Result<Self, ClientConfigError> {
        let mut config = self.clone();
        loop {
            let setting = config.settings(name).find(|setting| is_concerned(setting));
            let Some(setting) = setting else {
                return Ok(config);
            };
            config = without(&config, setting)?;
        }
    }

    /// Adds a login that the file does not have, as JSON.
    pub(super) fn with_login(&self, key: &str, json: &str) -> Result<Self, ClientConfigError> {
        self.with_entry(AUTHS, key, &NewValue::Raw(json))
    }

    /// Adds an entry to the object that is the last setting of this name.
    fn with_entry(
        &self,
        setting: &str,
        key: &str,
        new: &NewValue<'_>,
    ) -> Result<Self, ClientConfigError> {
        match self.settings(setting).last() {
            Some(found) if found.value.is_null() => {
                let range = found.value.range.clone();
                let object = self.style_of_new(&range).object(key, new);
                self.with(range, &object)
            }
            Some(found) => self.with_property(&found.value, key, new),
            None => self.with_setting(setting, &NewValue::Object(key, new)),
        }
    }

    /// The configuration with one range of its text replaced.
    fn with(&self, range: Range<usize>, words: &str) -> Result<Self, ClientConfigError> {
        let mut text = self.text.expose().to_owned();
        text.replace_range(range, words);
        Self::read(&self.path, text.as_bytes())
    }

    /// Adds a setting at the end of the file's object.
    fn with_setting(&self, name: &str, new: &NewValue<'_>) -> Result<Self, ClientConfigError> {
        match &self.top {
            Some(top) => self.with_property(top, name, new),
            None => {
                let object = ObjectStyle::many_lines(COLON, "\n", INDENT, "").object(name, new);
                let text = format!("{object}\n");
                Self::read(&self.path, text.as_bytes())
            }
        }
    }

    fn without_setting(&self, setting: &Property) -> Result<Self, ClientConfigError> {
        let Some(top) = &self.top else {
            return Ok(self.clone());
        };
        let at = setting.name_range.start;
        self.without_properties(top, |property| property.name_range.start == at)
    }

    /// Adds a property at the end of an object.
    fn with_property(
        &self,
        object: &Value,
        name: &str,
        new: &NewValue<'_>,
    ) -> Result<Self, ClientConfigError> {
        let style = self.style_in(object);
        match object.properties().last() {
            None => self.with(object.range.clone(), &style.object(name, new)),
            Some(last) => {
                let end = last.value.range.end;
                let property = style.property(name, new);
                self.with(end..end, &format!(",{}{property}", style.gap))
            }
        }
    }

    /// Removes properties, each with its comma and white space.
    fn without_properties(
        &self,
        object: &Value,
        is_meant: impl Fn(&Property) -> bool,
    ) -> Result<Self, ClientConfigError> {
        let properties = object.properties();
        let Some(last_to_stay) = properties.iter().rposition(|it| !is_meant(it)) else {
            return self.with(object.range.start + 1..object.range.end - 1, "");
        };
        let mut text = self.text.expose().to_owned();
        // From the last to the first, so that ranges stay valid.
        if let [stays, .., last] = &properties[last_to_stay..] {
            text.replace_range(stays.range().end..last.range().end, "");
        }
        for pair in properties[..=last_to_stay].windows(2).rev() {
            if is_meant(&pair[0]) {
                text.replace_range(pair[0].range().start..pair[1].range().start, "");
            }
        }
        Self::read(&self.path, text.as_bytes())
    }

    /// The style of a further property of an object.
    fn style_in(&self, object: &Value) -> ObjectStyle {
        let Some(last) = object.properties().last() else {
            return self.style_of_new(&object.range);
        };
        let colon = self.colon_of(last);
        let before = &self.text.expose()[..last.name_range.start];
        let gap = &before[before.trim_end_matches(is_white_space).len()..];
        match gap.rfind('\n') {
            Some(at) => {
                let indent = &gap[at + 1..];
                ObjectStyle {
                    gap: format!("{}{indent}", self.line_end()),
                    ..ObjectStyle::many_lines(colon, self.line_end(), &self.indent(), indent)
                }
            }
            None if object.properties().len() > 1 => ObjectStyle::one_line(colon, gap),
            None => ObjectStyle::one_line(colon, gap_by_colon(colon)),
        }
    }

    /// The style of the properties of a new object in this range.
    fn style_of_new(&self, range: &Range<usize>) -> ObjectStyle {
        let text = self.text.expose();
        let colon = self.colon();
        let top = self.top.as_ref().map_or(0..0, |top| top.range.clone());
        let is_whole = top == *range;
        let is_on_lines = text[top].contains('\n');
        if !is_whole && !is_on_lines {
            return ObjectStyle::one_line(colon, gap_by_colon(colon));
        }
        let line = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let indent = white_space_at(&text[line..]);
        ObjectStyle::many_lines(colon, self.line_end(), &self.indent(), indent)
    }

    fn line_end(&self) -> &'static str {
        line_end(self.text.expose())
    }

    /// One step of the file's indentation.
    fn indent(&self) -> String {
        let Some(first) = self.top.as_ref().and_then(|top| top.properties().first()) else {
            return INDENT.to_owned();
        };
        let before = &self.text.expose()[..first.name_range.start];
        match before.rfind('\n') {
            Some(at) if !before[at + 1..].is_empty() => {
                white_space_at(&before[at + 1..]).to_owned()
            }
            _ => INDENT.to_owned(),
        }
    }

    /// The text between a name and its value, as in the file's first setting.
    fn colon(&self) -> &str {
        let first = self.top.as_ref().and_then(|top| top.properties().first());
        first.map_or(COLON, |first| self.colon_of(first))
    }

    fn colon_of(&self, property: &Property) -> &str {
        &self.text.expose()[property.name_range.end..property.value.range.start]
    }
}

/// The line end of a text.
pub(crate) fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

enum NewValue<'a> {
    Text(&'a str),
    /// JSON, written unchanged.
    Raw(&'a str),
    /// An object with one property.
    Object(&'a str, &'a NewValue<'a>),
}

/// How the properties of an object are laid out.
struct ObjectStyle {
    /// Between a comma and the next name.
    gap: String,
    /// Between a name and its value.
    colon: String,
    /// Before the closing brace.
    end: String,
    /// A line end and one step of indentation; `None` on one line.
    deeper: Option<(String, String)>,
}

impl ObjectStyle {
    fn one_line(colon: &str, gap: &str) -> Self {
        Self {
            gap: gap.to_owned(),
            colon: colon.to_owned(),
            end: String::new(),
            deeper: None,
        }
    }

    /// `indent` is the indentation of the line on which the object begins.
    fn many_lines(colon: &str, line_end: &str, unit: &str, indent: &str) -> Self {
        Self {
            gap: format!("{line_end}{indent}{unit}"),
            colon: colon.to_owned(),
            end: format!("{line_end}{indent}"),
            deeper: Some((line_end.to_owned(), unit.to_owned())),
        }
    }

    fn property(&self, name: &str, new: &NewValue<'_>) -> String {
        let value = match new {
            NewValue::Text(text) => quoted(text),
            NewValue::Raw(json) => (*json).to_owned(),
            NewValue::Object(name, new) => self.nested().object(name, new),
        };
        format!("{}{}{value}", quoted(name), self.colon)
    }

    /// The style of an object that is the value of such a property.
    fn nested(&self) -> Self {
        match &self.deeper {
            None => Self::one_line(&self.colon, &self.gap),
            Some((line_end, unit)) => {
                let indent = self.gap.rsplit('\n').next().unwrap_or_default();
                Self::many_lines(&self.colon, line_end, unit, indent)
            }
        }
    }

    /// An object with one property.
    fn object(&self, name: &str, new: &NewValue<'_>) -> String {
        let start = match self.deeper {
            Some(_) => &*self.gap,
            None => "",
        };
        format!("{{{start}{}{}}}", self.property(name, new), self.end)
    }
}

/// The text between a comma and the next name, on one line.
fn gap_by_colon(colon: &str) -> &'static str {
    if colon.ends_with(is_white_space) {
        " "
    } else {
        ""
    }
}

fn is_white_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn white_space_at(text: &str) -> &str {
    &text[..text.len() - text.trim_start_matches([' ', '\t']).len()]
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
