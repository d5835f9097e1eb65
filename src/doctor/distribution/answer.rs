//! What a registry says when all is well.

use time::OffsetDateTime;

use crate::error::one_line;
use crate::http::Received;

use super::manifest::Descriptor;
use super::{Challenge, Refusal};

/// What every answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What time it is there, to the second.
    pub date: Option<OffsetDateTime>,
}

/// There is a registry, and it takes the token if one was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong {
    /// 200, or 401 when no token was sent.
    pub answer: Answer,
    /// With 401, the login that it wants.
    pub challenge: Option<Challenge>,
}

/// An image, or an index of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Of the first request.
    pub answer: Answer,
    /// What the reference stands for.
    pub content: Content,
    /// Of an index, the image that was looked at; `None` when it has none.
    pub chosen: Option<Chosen>,
    /// The smallest layer of the image; `None` when there is no image, or it has no layer that the
    /// registry holds.
    pub layer: Option<Content>,
}

/// An image of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Its manifest.
    pub content: Content,
    /// `linux/arm64`; `None` when the index does not say.
    pub platform: Option<String>,
}

/// What a digest stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// `sha256:…`.
    pub digest: String,
    /// Empty when nobody says.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
}

/// The registry has the layer, and lets it be pulled.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The registry's.
    pub answer: Answer,
    /// Where it says that the layer is; `None` when it gave the layer itself.
    pub elsewhere: Option<Elsewhere>,
}

/// Where a layer is: with ECR, a bucket in S3.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    /// `HOST[:PORT]`.
    pub host: String,
    /// What is said there to whoever asks for the first byte.
    pub answer: Result<Answer, Refusal>,
}

/// An upload was opened: an image may be pushed, as far as that says.
#[derive(Clone, Debug)]
pub struct Upload {
    /// 202.
    pub answer: Answer,
    /// Whether it could be cancelled. Registries forget those that could not by themselves.
    pub cancelled: Result<Answer, Refusal>,
}

impl Answer {
    pub(super) fn of(received: &Received) -> Self {
        Self {
            status: received.status,
            date: received.date,
        }
    }
}

impl Content {
    pub(super) fn of(described: &Descriptor) -> Self {
        Self {
            digest: described.digest.clone(),
            media_type: one_line(&described.media_type),
            size: described.size,
        }
    }
}
