//! The URLs that registries give: of layers, uploads and realms.

use http::Uri;

use crate::net::is_internal;
use crate::redaction::Redactor;

/// The algorithm in every signed URL. S3 names it in messages.
const SIGNATURE_VERSION: &str = "AWS4-HMAC-SHA256";

/// A URL that a registry gave, and that may be requested. Those of layers are signed: a URL is
/// enough to get the layer. So it is never shown; its host may be.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Location {
    url: Uri,
    is_the_registrys: bool,
}

/// Why a registry's `Location` is not requested.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    #[error("no location in the response")]
    Absent,
    #[error("the location is not a valid URL")]
    Malformed,
    /// The request could be read on the way.
    #[error("the location {0} does not use TLS")]
    NotHttps(String),
    /// This machine's own services or its metadata could be reached there.
    #[error("the location {0} is a local or internal address")]
    Inside(String),
    /// Of uploads and realms, which must be the registry's own.
    #[error("the location {0} is on another host")]
    OtherHost(String),
}

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Location({}…)", self.host())
    }
}

impl Location {
    /// Reads a `Location` that `registry` (`HOST[:PORT]`) gave in answer to a request.
    ///
    /// A path is the registry's own. Any other URL must be https, and must not lead to an address of
    /// this machine or its network.
    pub(super) fn parse(value: Option<&str>, registry: &str) -> Result<Self, LocationError> {
        let value = value.ok_or(LocationError::Absent)?;
        if value.starts_with('/') && !value.starts_with("//") {
            let url = format!("https://{registry}{value}");
            return Ok(Self {
                url: url.parse().map_err(|_| LocationError::Malformed)?,
                is_the_registrys: true,
            });
        }
        let url: Uri = value.parse().map_err(|_| LocationError::Malformed)?;
        let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
            return Err(LocationError::Malformed);
        };
        if authority.as_str().contains('@') {
            return Err(LocationError::Malformed);
        }
        let shown = authority.to_string();
        if scheme != "https" {
            return Err(LocationError::NotHttps(shown));
        }
        let is_the_registrys = is_same(authority.as_str(), registry);
        if !is_the_registrys && is_internal(authority.host()) {
            return Err(LocationError::Inside(shown));
        }
        Ok(Self {
            url,
            is_the_registrys,
        })
    }

    /// The same for an upload or realm, which must be at the registry itself.
    pub(super) fn parse_own(value: Option<&str>, registry: &str) -> Result<Self, LocationError> {
        let location = Self::parse(value, registry)?;
        if location.is_the_registrys {
            Ok(location)
        } else {
            Err(LocationError::OtherHost(location.host()))
        }
    }

    /// `HOST[:PORT]`.
    pub(super) fn host(&self) -> String {
        self.url
            .authority()
            .map_or_else(String::new, ToString::to_string)
    }

    /// The whole URL, a secret. It may be used in requests only.
    pub(super) fn expose(&self) -> &Uri {
        &self.url
    }

    /// Masks the values of the query in every message from now on, and the path too. A path of the
    /// registry itself is not secret: it holds the name of a repository.
    pub(super) fn mask(&self, redactor: &mut Redactor) {
        redactor.add_url(&self.url.to_string());
        if !self.is_the_registrys {
            redactor.add(self.url.path().trim_start_matches('/'));
        }
        redactor.show(&self.host());
        redactor.show(SIGNATURE_VERSION);
    }
}

fn is_same(authority: &str, registry: &str) -> bool {
    let bare = |host: &str| host.trim_end_matches(":443").to_ascii_lowercase();
    bare(authority) == bare(registry)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REGISTRY: &str = "999999999999.dkr.ecr.us-west-2.amazonaws.com";
    const BUCKET: &str = "prod-us-west-2-starport-layer-bucket.s3.us-west-2.amazonaws.com";

    fn parse(value: &str) -> Result<Location, LocationError> {
        Location::parse(Some(value), REGISTRY)
    }

    #[test]
    fn a_path_is_the_registrys_own_and_so_is_its_name() {
        for value in [
            "/v2/app/blobs/uploads/1",
            &format!("https://{REGISTRY}/v2/app/blobs/uploads/1"),
            &format!("https://{}:443/v2/", REGISTRY.to_uppercase()),
        ] {
            assert!(
                Location::parse_own(Some(value), REGISTRY).is_ok(),
                "{value}"
            );
        }
        let elsewhere = format!("https://{BUCKET}/x");
        assert!(!parse(&elsewhere).unwrap().is_the_registrys);
        assert_eq!(
            Location::parse_own(Some(&elsewhere), REGISTRY),
            Err(LocationError::OtherHost(BUCKET.to_owned()))
        );
    }

    #[test]
    fn only_tls_and_only_other_machines() {
        assert_eq!(Location::parse(None, REGISTRY), Err(LocationError::Absent));
        for value in [
            "",
            "x",
            "//example.com/",
            "https://",
            "https://a@example.com/",
            "http:///",
        ] {
            assert_eq!(parse(value), Err(LocationError::Malformed), "{value}");
        }
        for host in ["example.com", "127.0.0.1:80", "169.254.169.254"] {
            for scheme in ["http", "ftp"] {
                let refused = LocationError::NotHttps(host.to_owned());
                assert_eq!(
                    parse(&format!("{scheme}://{host}/")),
                    Err(refused),
                    "{host}"
                );
            }
        }
        for host in [
            "169.254.169.254",
            "169.254.170.2:443",
            "127.0.0.1",
            "localhost",
            "LOCALHOST.",
            "x.localhost",
            "0.0.0.0",
            "[::1]",
            "[::]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[::ffff:169.254.169.254]",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "169.254.43518",
        ] {
            let refused = LocationError::Inside(host.to_owned());
            assert_eq!(parse(&format!("https://{host}/")), Err(refused), "{host}");
        }
        // A local registry that stores layers in MinIO.
        assert!(parse("https://192.0.2.7:9000/x").is_ok());
    }

    #[test]
    fn a_signed_url_is_not_shown() {
        let location = parse(&format!(
            "https://{BUCKET}/l?X-Amz-Signature=feedfacecafe&a=b"
        ))
        .unwrap();
        assert_eq!(format!("{location:?}"), format!("Location({BUCKET}…)"));
        let mut redactor = Redactor::default();
        location.mask(&mut redactor);
        for (text, shown) in [
            ("Access Denied b", "Access Denied b"),
            ("you sent feedfacecafe", "you sent …"),
            ("X-Amz-Expires must be less", "X-Amz-Expires must be less"),
        ] {
            assert_eq!(redactor.redact(text), shown);
        }
    }

    proptest! {
        #[test]
        fn no_response_leads_to_a_request_without_tls(
            value in r"(https?|ftp|):?/{0,2}[-a-z0-9.:@\[\]%_]{0,20}[/?#\\]?\PC{0,8}",
        ) {
            if let Ok(location) = parse(&value) {
                let url = location.expose();
                prop_assert_eq!(url.scheme_str(), Some("https"));
                prop_assert!(!location.host().contains('@'));
                let is_the_registrys = location.host() == REGISTRY;
                prop_assert_eq!(location.is_the_registrys, is_the_registrys);
            }
        }
    }
}
