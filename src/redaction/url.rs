//! URLs from settings, which may hold a password.

use std::net::Ipv6Addr;

/// Shorter values of a query are not secret.
const SHORTEST_VALUE: usize = 8;

/// A URL for a message: without user part, query and fragment. If the text is not a URL, whatever
/// could be a password is left out too.
///
/// ```
/// use docker_credential_ecrx::redaction::shown_url;
/// assert_eq!(shown_url("https://host:8443/path"), "https://host:8443/path");
/// assert_eq!(shown_url("https://alice:secret@host/path?key=secret"), "https://…@host/path?…");
/// ```
pub fn shown_url(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (format!("{scheme}://"), rest),
        _ => (String::new(), text),
    };
    let (address, after) = split_before(rest, &['?', '#']);
    if after.contains('@') {
        // The `?` or `#` may be part of a password that ends at this `@`.
        return format!("{scheme}…");
    }
    let (user, address) = match address.rsplit_once('@') {
        Some((_, address)) => ("…@", address),
        None => ("", address),
    };
    let (host, path) = split_before(address, &['/']);
    if let Some(user) = user_without_host(host) {
        return format!("{scheme}{user}:…");
    }
    let after = match after.chars().next() {
        Some(mark) => format!("{mark}…"),
        None => String::new(),
    };
    format!("{scheme}{user}{host}{path}{after}")
}

/// A server name for a message: without user part.
pub fn shown_server(server: &str) -> &str {
    server.rsplit_once('@').map_or(server, |(_, host)| host)
}

/// The secrets in a URL.
pub(super) fn secrets(url: &str) -> impl Iterator<Item = &str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (address, after) = split_before(rest, &['?', '#']);
    let user = match address.rsplit_once('@') {
        Some((user, _)) => Some(user),
        None => user_without_host(split_before(address, &['/']).0).map(|_| address),
    };
    let password = user.and_then(|user| Some(user.split_once(':')?.1));
    let pairs = after.split(['?', '#', '&']);
    let values = pairs.map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let values = values.filter(|value| value.len() >= SHORTEST_VALUE);
    user.into_iter().chain(password).chain(values)
}

fn split_before<'a>(text: &'a str, marks: &[char]) -> (&'a str, &'a str) {
    text.split_at(text.find(marks).unwrap_or(text.len()))
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The user of `USER:PASSWORD`, a URL whose host is missing. `None` for `HOST[:PORT]`.
fn user_without_host(text: &str) -> Option<&str> {
    let address = text.rfind(']').map_or(0, |end| end + 1);
    let (user, port) = text[address..].split_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = is_port || text.parse::<Ipv6Addr>().is_ok();
    (!is_host).then(|| &text[..address + user.len()])
}
