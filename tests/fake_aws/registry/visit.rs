//! What the registry was asked, and what goes wrong instead of an answer.

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// `/v2/`.
    Ping,
    /// `/token/` of public ECR.
    Token,
    /// `/v2/NAME/manifests/REFERENCE`.
    Manifest,
    /// `/v2/NAME/blobs/DIGEST`.
    Layer,
    /// POST `/v2/NAME/blobs/uploads/`.
    Upload,
    /// DELETE of what that answers.
    CancelUpload,
    /// Anything that the bucket is asked for.
    Storage,
    /// Anything else.
    Unknown,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Visit {
    /// What it was for.
    pub route: Route,
    /// The method.
    pub method: String,
    /// The `Host` header.
    pub host: String,
    /// Path and query.
    pub path: String,
    /// Whose token came with it, when it is one.
    pub principal: Option<String>,
    /// The token's serial number.
    pub serial: Option<usize>,
    /// Whether it had an `Authorization` header of any kind.
    pub authorized: bool,
    /// In order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Which TCP connection carried it, counted from 1.
    pub connection: usize,
}

impl Visit {
    /// A header's first value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What a request meets instead of the proper answer.
#[derive(Clone, Debug)]
pub enum RegistryFault {
    /// 429 `TOOMANYREQUESTS`.
    Throttle,
    /// This status, with the body that a load balancer has for it.
    Status(u16),
    /// No answer until the registry is dropped.
    Hang,
    /// The connection is closed without an answer, as ECR does to a push into a repository that
    /// does not exist (aws/containers-roadmap#1970).
    Close,
    /// Status 200 with a page of HTML.
    Page,
    /// Status 200, and a body without end.
    Endless,
    /// Exactly this status, these headers and this body. Behind a `connection` header, nothing else
    /// comes.
    Raw(u16, Vec<(String, String)>, String),
}
