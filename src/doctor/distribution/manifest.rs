//! The parts of manifests and indexes that are used (OCI image specification, `manifest.md` and
//! `image-index.md`; Docker's image manifest version 2, schema 2).

use serde::Deserialize;

use crate::error::one_line;

/// The media types that are requested, in the order in which clients name them.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.docker.distribution.manifest.v2+json";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformImage {
    /// Its manifest.
    pub descriptor: Descriptor,
    /// `linux/arm64`; `None` if the index does not specify it.
    pub platform: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// `sha256:…`.
    pub digest: String,
    /// Empty if neither the manifest nor the registry specifies it.
    pub media_type: String,
    /// In bytes.
    pub size: u64,
}

/// The parts of a manifest or index that are used.
#[derive(Debug, Deserialize)]
pub(super) struct RawManifest {
    #[serde(rename = "schemaVersion")]
    version: u64,
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    #[serde(default)]
    layers: Option<Vec<ManifestEntry>>,
    #[serde(default)]
    manifests: Option<Vec<ManifestEntry>>,
}

/// A layer of a manifest, or a manifest of an index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct ManifestEntry {
    #[serde(rename = "mediaType", default)]
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    /// Other locations, for Windows layers that registries do not store.
    #[serde(default)]
    urls: Vec<String>,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

impl RawManifest {
    /// `None` if the text is neither manifest nor index.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let read: Self = serde_json::from_slice(text).ok()?;
        let is_one = read.layers.is_some() != read.manifests.is_some();
        (read.version == 2 && is_one).then_some(read)
    }

    pub(super) fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    /// The images of an index; `None` of a manifest.
    pub(super) fn images(&self) -> Option<&[ManifestEntry]> {
        self.manifests.as_deref()
    }

    /// The smallest layer that the registry stores.
    pub(super) fn smallest_layer(&self) -> Option<&ManifestEntry> {
        let layers = self.layers.iter().flatten();
        layers
            .filter(|layer| layer.urls.is_empty() && !layer.media_type.contains("foreign"))
            .min_by_key(|layer| layer.size)
    }
}

impl From<&ManifestEntry> for Descriptor {
    fn from(entry: &ManifestEntry) -> Self {
        Self {
            digest: entry.digest.clone(),
            media_type: one_line(&entry.media_type),
            size: entry.size,
        }
    }
}

impl ManifestEntry {
    /// `linux/arm64`.
    pub(super) fn platform(&self) -> Option<String> {
        let platform = self.platform.as_ref()?;
        Some(format!("{}/{}", platform.os, platform.architecture))
    }

    /// BuildKit adds attestations to the images of an index, for the platform `unknown/unknown`.
    fn is_image(&self) -> bool {
        self.platform().as_deref() != Some("unknown/unknown")
    }
}

/// The image of an index that a client on this machine would pull, else the first.
pub(super) fn image_for_this_machine(images: &[ManifestEntry]) -> Option<&ManifestEntry> {
    let ours = format!("linux/{}", architecture());
    let is_ours = |image: &&ManifestEntry| image.platform().as_ref() == Some(&ours);
    images
        .iter()
        .find(is_ours)
        .or_else(|| images.iter().find(|image| image.is_image()))
}

/// This machine's architecture as Go spells it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, size: u64) -> String {
        format!(r#"{{"mediaType":"{name}","digest":"sha256:00","size":{size}}}"#)
    }

    fn manifest(layers: &[String]) -> RawManifest {
        let layers = layers.join(",");
        let text = format!(r#"{{"schemaVersion":2,"config":{{}},"layers":[{layers}]}}"#);
        RawManifest::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_smallest_layer_is_one_that_the_registry_stores() {
        let windows = layer("application/vnd.docker.image.rootfs.foreign.diff.tar", 1);
        let elsewhere =
            r#"{"digest":"sha256:00","size":2,"urls":["https://example.com/"]}"#.to_owned();
        let ours = [layer("b", 30), layer("a", 20), windows, elsewhere];
        let found = manifest(&ours).smallest_layer().unwrap().clone();
        assert_eq!((found.media_type.as_str(), found.size), ("a", 20));
        assert_eq!(manifest(&[]).smallest_layer(), None);
    }

    fn image(platform: &str, size: u64) -> String {
        let platform = match platform.split_once('/') {
            Some((os, architecture)) => {
                format!(r#","platform":{{"os":"{os}","architecture":"{architecture}"}}"#)
            }
            None => String::new(),
        };
        format!(r#"{{"digest":"sha256:00","size":{size}{platform}}}"#)
    }

    fn index(images: &[String]) -> Vec<ManifestEntry> {
        let images = images.join(",");
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{images}]}}"#);
        let document = RawManifest::parse(text.as_bytes()).unwrap();
        document.images().unwrap().to_vec()
    }

    #[test]
    fn this_machines_image_is_chosen_from_an_index_else_the_first_image() {
        let ours = format!("linux/{}", architecture());
        let images = index(&[image("linux/s390", 1), image(&ours, 2)]);
        assert_eq!(image_for_this_machine(&images).unwrap().size, 2);
        let images = index(&[image("unknown/unknown", 1), image("plan9/mips", 2)]);
        assert_eq!(image_for_this_machine(&images).unwrap().size, 2);
        let images = index(&[image("", 1)]);
        assert_eq!(image_for_this_machine(&images).unwrap().size, 1);
        assert_eq!(
            image_for_this_machine(&index(&[image("unknown/unknown", 1)])),
            None
        );
        assert_eq!(image_for_this_machine(&[]), None);
    }

    #[test]
    fn what_is_neither_manifest_nor_index_is_refused() {
        for text in [
            "",
            "<html>",
            "[]",
            "{}",
            "null",
            r#"{"schemaVersion":1,"layers":[]}"#,
            r#"{"schemaVersion":2}"#,
            r#"{"schemaVersion":2,"layers":[],"manifests":[]}"#,
            r#"{"schemaVersion":2,"layers":[{"digest":"sha256:00","size":-1}]}"#,
            r#"{"schemaVersion":2,"layers":[{"size":1}]}"#,
            r#"{"schemaVersion":2,"layers":{}}"#,
        ] {
            assert!(RawManifest::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
