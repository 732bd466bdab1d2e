//! Reads what `docker save` writes, in the form of every engine: blobs by digest, or one folder for each layer.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::engine::Engine;

/// Content with its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blob {
    pub(crate) media_type: &'static str,
    /// `sha256:` and 64 hexadecimal digits.
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

impl Blob {
    pub(crate) fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        let hex: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { media_type, digest: format!("sha256:{hex}"), bytes }
    }
}

/// One image: its configuration, and its layers from the lowest, not compressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedImage {
    pub(crate) config: Blob,
    pub(crate) layers: Vec<Blob>,
}

/// Takes `name` out of `engine`.
pub(crate) fn image(engine: &Engine, name: &str) -> Result<SavedImage> {
    let tree = tempfile::Builder::new().prefix("repair-image-").tempdir().context("cannot create a folder")?;
    let mut save =
        engine.docker().args(["save", name]).stdout(Stdio::piped()).spawn().context("cannot start docker")?;
    let archive = save.stdout.take().context("docker has an output")?;
    let mut tar = Command::new("tar");
    let unpacked = tar.args(["--extract", "--directory"]).arg(tree.path()).stdin(archive).status();
    ensure!(unpacked.context("cannot start tar")?.success(), "cannot unpack image {name}");
    ensure!(save.wait().context("cannot wait for docker")?.success(), "cannot save image {name}");
    read(tree.path())
}

/// Reads the unpacked archive with one image.
fn read(tree: &Path) -> Result<SavedImage> {
    let list = fs::read(tree.join("manifest.json")).context("a saved image has a manifest.json")?;
    let list: Value = serde_json::from_slice(&list).context("manifest.json is JSON")?;
    let blob = |media_type, path: &Value| -> Result<Blob> {
        let path = path.as_str().context("manifest.json names files")?;
        let bytes = fs::read(tree.join(path)).with_context(|| format!("the saved image lacks {path}"))?;
        Ok(Blob::new(media_type, bytes))
    };
    let octets = "application/octet-stream";
    let layers = list[0]["Layers"].as_array().context("a saved image has layers")?;
    let layers = layers.iter().map(|layer| blob(octets, layer)).collect::<Result<Vec<_>>>()?;
    Ok(SavedImage { config: blob("application/json", &list[0]["Config"])?, layers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_the_one_that_everybody_computes() {
        let digest = Blob::new("", Vec::new()).digest;
        assert_eq!(digest, "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn the_layers_of_a_saved_image_keep_their_order() {
        let tree = tempfile::tempdir().expect("a folder");
        let list = r#"[{"Config":"c.json","RepoTags":["shop/web:1"],"Layers":["b/layer.tar","a/layer.tar"]}]"#;
        for (path, text) in [("manifest.json", list), ("c.json", "{}"), ("b/layer.tar", "low"), ("a/layer.tar", "high")]
        {
            let path = tree.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let image = read(tree.path()).expect("it is complete");
        let layers: Vec<_> = image.layers.iter().map(|layer| layer.bytes.as_slice()).collect();
        assert_eq!(layers, [b"low".as_slice(), b"high"]);
    }
}
