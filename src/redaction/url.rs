//! URLs from settings, which may hold a password.

use std::net::Ipv6Addr;

/// Shorter values of a query are not secret.
const SHORTEST_VALUE: usize = 8;

/// What may precede a password that is out of place.
const SEPARATORS: [char; 5] = [':', '/', ';', ' ', '@'];

/// A URL for a message: without user part, query and fragment. Of a text that is not a URL, what
/// could be a password is left out too.
pub(crate) fn shown_url(text: &str) -> String {
    let url = Parts::from_text(text);
    let scheme = url
        .scheme
        .map_or(String::new(), |name| format!("{name}://"));
    if !url.is_whole() {
        return match url.rest {
            "" => scheme,
            _ => format!("{scheme}…"),
        };
    }
    let user = if url.user.is_some() { "…@" } else { "" };
    let path = match url.path {
        path if url.shows_path() => path,
        _ => "/…",
    };
    let after = match url.after.chars().next() {
        Some(mark) => format!("{mark}…"),
        None => String::new(),
    };
    format!("{scheme}{user}{}{path}{after}", url.address)
}

/// A server name for a message: without user part.
pub(crate) fn shown_server(server: &str) -> &str {
    server.rsplit_once('@').map_or(server, |(_, host)| host)
}

/// The secrets in a URL. Of a part that [`shown_url`] leaves out because it is out of place, that is
/// all of it and whatever follows a separator.
pub(super) fn secrets(text: &str) -> Vec<&str> {
    let url = Parts::from_text(text);
    let (misplaced, user, after) = match url.is_whole() {
        false => (url.rest, None, ""),
        true if url.shows_path() => ("", url.user, url.after),
        true => (url.path, url.user, url.after),
    };
    let tails = misplaced.match_indices(SEPARATORS);
    let tails = tails.map(|(at, mark)| &misplaced[at + mark.len()..]);
    let password = user.and_then(|user| Some(user.split_once(':')?.1));
    let pairs = after.split(['?', '#', '&']);
    let values = pairs.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let values = values.filter(|value| value.len() >= SHORTEST_VALUE);
    let whole = [misplaced].into_iter().chain(tails);
    let secrets = whole.chain(user).chain(password).chain(values);
    secrets.filter(|secret| !secret.is_empty()).collect()
}

/// A text taken apart as a URL, whether it is one or not.
struct Parts<'a> {
    scheme: Option<&'a str>,
    /// All that follows the scheme.
    rest: &'a str,
    user: Option<&'a str>,
    /// `HOST[:PORT]`.
    address: &'a str,
    path: &'a str,
    /// The query and the fragment, with the mark before them.
    after: &'a str,
}

impl<'a> Parts<'a> {
    fn from_text(text: &'a str) -> Self {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (address, after) = split_before(rest, &['?', '#']);
        let (user, address) = match address.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, address),
        };
        let (address, path) = split_before(address, &['/']);
        Self {
            scheme,
            rest,
            user,
            address,
            path,
            after,
        }
    }

    /// Whether there is a host where one belongs. If not, or if an `@` comes so late that a `?` or
    /// `#` may be part of a password, then any part may be a password. So may be what follows an `@`
    /// and is no full name: the password may hold one.
    fn is_whole(&self) -> bool {
        let is_host = is_address(self.address) && (self.user.is_none() || is_full(self.address));
        is_host && !self.after.contains('@')
    }

    /// Whether the path is one. In `http//alice:secret` it is not, in `10.0.0.0/8` it is.
    fn shows_path(&self) -> bool {
        let is_plain = match self.scheme {
            Some(_) => |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c),
            None => |c: char| c.is_ascii_digit() || c == '/',
        };
        self.path.chars().all(is_plain) && !self.path.starts_with("//")
    }
}

fn split_before<'a>(text: &'a str, marks: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(marks).unwrap_or(text.len()))
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether an address is `localhost`, an IP address, or a name of several labels.
fn is_full(address: &str) -> bool {
    let name = address.rsplit_once(':').map_or(address, |(name, _)| name);
    address.starts_with('[') || name == "localhost" || name.contains('.')
}

/// Whether a text is `HOST[:PORT]`. A host of `NO_PROXY` may hold a `*`.
fn is_address(text: &str) -> bool {
    if text.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let (is_host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, port)) => {
            let (address, _zone) = split_before(address, &['%']);
            (address.parse::<Ipv6Addr>().is_ok(), port)
        }
        None => {
            let (name, port) = split_before(text, &[':']);
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-._*".contains(c);
            (!name.is_empty() && name.chars().all(is_of_name), port)
        }
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}
