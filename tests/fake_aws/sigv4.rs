//! Signature Version 4, as the server checks it.

use sha2::{Digest, Sha256};

use super::http::{Request, percent_decode};

/// The parts of an `Authorization: AWS4-HMAC-SHA256 …` header.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub access_key_id: String,
    pub day: String,
    pub region: String,
    pub service: String,
    signed_headers: Vec<String>,
    signature: String,
}

impl Signature {
    /// Reads the header; `None` for an unsigned request.
    pub fn of(request: &Request) -> Option<Self> {
        let header = request.header("authorization")?;
        let rest = header.strip_prefix("AWS4-HMAC-SHA256")?;
        let field = |name: &str| {
            rest.split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
        };
        let mut scope = field("Credential")?.split('/');
        let signature = Self {
            access_key_id: scope.next()?.to_owned(),
            day: scope.next()?.to_owned(),
            region: scope.next()?.to_owned(),
            service: scope.next()?.to_owned(),
            signed_headers: field("SignedHeaders")?
                .split(';')
                .map(str::to_owned)
                .collect(),
            signature: field("Signature")?.to_owned(),
        };
        (scope.next() == Some("aws4_request")).then_some(signature)
    }

    /// Whether `secret` made this signature over `request`.
    pub fn verifies(&self, request: &Request, secret: &str) -> bool {
        let scope = format!("{}/{}/{}/aws4_request", self.day, self.region, self.service);
        let date = request.header("x-amz-date").unwrap_or_default();
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            hex(&Sha256::digest(self.canonical(request)))
        );
        let mut key = hmac(format!("AWS4{secret}").as_bytes(), self.day.as_bytes());
        for part in [self.region.as_str(), &self.service, "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        hex(&hmac(&key, to_sign.as_bytes())) == self.signature
    }

    fn canonical(&self, request: &Request) -> String {
        // Every service but S3 encodes the path, as sent, once more.
        let path = encode(request.path(), true);
        let mut query: Vec<(String, String)> = request
            .query()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (
                    encode(&percent_decode(name), false),
                    encode(&percent_decode(value), false),
                )
            })
            .collect();
        query.sort();
        let query: Vec<String> = query.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let headers: String = self
            .signed_headers
            .iter()
            .map(|name| {
                let values: Vec<String> = request
                    .headers
                    .iter()
                    .filter(|(key, _)| key == name)
                    .map(|(_, value)| value.split_whitespace().collect::<Vec<_>>().join(" "))
                    .collect();
                format!("{name}:{}\n", values.join(","))
            })
            .collect();
        let payload = hex(&Sha256::digest(&request.body));
        let payload = request.header("x-amz-content-sha256").unwrap_or(&payload);
        format!(
            "{}\n{path}\n{}\n{headers}\n{}\n{payload}",
            request.method,
            query.join("&"),
            self.signed_headers.join(";")
        )
    }
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut inner = Sha256::new();
    inner.update(block.map(|byte| byte ^ 0x36));
    inner.update(message);
    let mut outer = Sha256::new();
    outer.update(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn encode(text: &str, keep_slash: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if keep_slash => out.push('/'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
