//! Repositories, and the images in them.

use std::collections::HashMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::sigv4::hex;
use super::super::state::filler;

/// How many bytes the layers of an image have; the smallest is not the first.
const LAYERS: [usize; 3] = [900, 120, 4000];

/// Whose media types an image has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Those of the Open Container Initiative.
    Oci,
    /// Docker's, version 2 schema 2.
    Docker,
}

/// An image in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeImage {
    /// Of its manifest.
    pub digest: String,
    /// Of its manifest.
    pub media_type: String,
    /// Bytes of its manifest.
    pub size: usize,
    /// From the bottom to the top.
    pub layers: Vec<FakeLayer>,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FakeLayer {
    /// `sha256:…`.
    pub digest: String,
    /// In bytes.
    pub size: usize,
}

impl FakeImage {
    /// The smallest of its layers.
    pub fn smallest(&self) -> &FakeLayer {
        let smallest = self.layers.iter().min_by_key(|layer| layer.size);
        smallest.expect("an image has layers")
    }
}

impl Format {
    fn manifest(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.manifest.v1+json",
            Self::Docker => "application/vnd.docker.distribution.manifest.v2+json",
        }
    }

    fn index(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.index.v1+json",
            Self::Docker => "application/vnd.docker.distribution.manifest.list.v2+json",
        }
    }

    fn config(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.config.v1+json",
            Self::Docker => "application/vnd.docker.container.image.v1+json",
        }
    }

    fn layer(self) -> &'static str {
        match self {
            Self::Oci => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Docker => "application/vnd.docker.image.rootfs.diff.tar.gzip",
        }
    }
}

#[derive(Default)]
pub(super) struct Repository {
    tags: HashMap<String, String>,
    /// Media type and text, by digest.
    manifests: HashMap<String, (String, String)>,
    blobs: HashMap<String, Vec<u8>>,
}

impl Repository {
    pub fn add_image(&mut self, tag: &str, format: Format, seed: &str) -> FakeImage {
        let layers: Vec<FakeLayer> = LAYERS
            .iter()
            .map(|size| self.add_blob(filler(&format!("{seed} {size}"), *size)))
            .collect();
        let config = self.add_blob(json!({"os": "linux", "of": seed}).to_string());
        let of_layers: Vec<Value> = layers
            .iter()
            .map(|layer| described(format.layer(), layer))
            .collect();
        let text = json!({
            "schemaVersion": 2,
            "mediaType": format.manifest(),
            "config": described(format.config(), &config),
            "layers": of_layers,
        });
        let text = text.to_string();
        FakeImage {
            digest: self.add_manifest(tag, format.manifest(), &text),
            media_type: format.manifest().to_owned(),
            size: text.len(),
            layers,
        }
    }

    /// An image for this machine's processor.
    pub fn add_runnable(&mut self, tag: &str, layer: &[u8], command: &[&str]) {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let layer = self.add_blob(layer);
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": command},
            "rootfs": {"type": "layers", "diff_ids": [layer.digest]},
        });
        let config = self.add_blob(config.to_string());
        let media_type = Format::Oci.manifest();
        let text = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": described(Format::Oci.config(), &config),
            "layers": [described("application/vnd.oci.image.layer.v1.tar", &layer)],
        });
        self.add_manifest(tag, media_type, &text.to_string());
    }

    pub fn add_index(
        &mut self,
        tag: &str,
        format: Format,
        platforms: &[&str],
    ) -> (FakeImage, Vec<FakeImage>) {
        let mut described = Vec::new();
        let mut images = Vec::new();
        for platform in platforms {
            // An image of an index has no tag of its own; this one cannot be asked for.
            let image = self.add_image(&format!("\0{platform}"), format, platform);
            let (os, architecture) = platform.split_once('/').expect("os/architecture");
            described.push(json!({
                "mediaType": image.media_type,
                "digest": image.digest,
                "size": image.size,
                "platform": {"os": os, "architecture": architecture},
            }));
            images.push(image);
        }
        let text = json!({
            "schemaVersion": 2,
            "mediaType": format.index(),
            "manifests": described,
        });
        let text = text.to_string();
        let index = FakeImage {
            digest: self.add_manifest(tag, format.index(), &text),
            media_type: format.index().to_owned(),
            size: text.len(),
            layers: Vec::new(),
        };
        (index, images)
    }

    pub fn add_manifest(&mut self, tag: &str, media_type: &str, text: &str) -> String {
        let digest = digest(text.as_bytes());
        self.tags.insert(tag.to_owned(), digest.clone());
        let manifest = (media_type.to_owned(), text.to_owned());
        self.manifests.insert(digest.clone(), manifest);
        digest
    }

    fn add_blob(&mut self, bytes: impl Into<Vec<u8>>) -> FakeLayer {
        let bytes = bytes.into();
        let blob = FakeLayer {
            digest: digest(&bytes),
            size: bytes.len(),
        };
        self.blobs.insert(blob.digest.clone(), bytes);
        blob
    }

    /// Digest, media type and text, by tag or digest.
    pub fn manifest(&self, reference: &str) -> Option<(&str, &str, &str)> {
        let digest = self.tags.get(reference).map_or(reference, String::as_str);
        let (digest, (media_type, text)) = self.manifests.get_key_value(digest)?;
        Some((digest, media_type, text))
    }

    pub fn blob(&self, digest: &str) -> Option<&[u8]> {
        self.blobs.get(digest).map(Vec::as_slice)
    }
}

fn described(media_type: &str, blob: &FakeLayer) -> Value {
    json!({"mediaType": media_type, "digest": blob.digest, "size": blob.size})
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}
