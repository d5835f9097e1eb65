//! The bucket that holds the layers, behind URLs that are signed.

use super::super::http::{Request, Response};
use super::state::State;

/// Stands in every signed URL, and must not stand in anything that a person sees.
pub const SIGNATURE: &str = "feedfacecafebeef0123456789abcdeffeedfacecafebeef0123456789abcdef";

/// The name of the bucket in the region of a registry (Amazon ECR user guide, "Interface VPC
/// endpoints": the bucket that the gateway endpoint for S3 must let through).
pub fn bucket(host: &str) -> String {
    let (_, region) = super::service::place(host);
    let suffix = if host.ends_with(".cn") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("prod-{region}-starport-layer-bucket.s3.{region}.{suffix}")
}

/// A URL that opens this layer for everybody who has it.
pub(super) fn signed_url(host: &str, digest: &str) -> String {
    let hex = digest.trim_start_matches("sha256:");
    format!(
        "https://{}/layers/{hex}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=3600\
         &X-Amz-SignedHeaders=host&X-Amz-Signature={SIGNATURE}",
        bucket(host)
    )
}

pub(super) fn answer(state: &State, request: &Request) -> Response {
    let refused = |status, code: &str| {
        let body = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
        Response::new(status, "application/xml", body)
    };
    if state.storage_denied || !request.query().contains(SIGNATURE) {
        return refused(403, "AccessDenied");
    }
    if request.header("authorization").is_some() {
        // Two ways to say who asks are one too many for S3.
        return refused(400, "InvalidArgument");
    }
    let hex = request.path().trim_start_matches("/layers/");
    let digest = format!("sha256:{hex}");
    let mut repositories = state.repositories.values();
    let Some(blob) = repositories.find_map(|repository| repository.blob(&digest)) else {
        return refused(404, "NoSuchKey");
    };
    match request.header("range") {
        Some("bytes=0-0") => Response::new(206, "application/octet-stream", &blob[..1])
            .with_header("content-range", format!("bytes 0-0/{}", blob.len())),
        _ => Response::new(200, "application/octet-stream", blob),
    }
}
