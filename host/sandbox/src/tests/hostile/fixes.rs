//! What the author of a hostile guest is told to do, where several are told the same.

pub(super) const LOOP: &str = "look for a loop without an end, or do less in one call";
pub(super) const LESS: &str = "keep less at a time; a case never needs more";
pub(super) const LINK: &str = "link its parts into one module";
pub(super) const SAFE: &str = "write it in a safe language on its generated bindings";
pub(super) const DECLINE: &str = "return an error or `decline` instead; in Rust the SDK's `export!` makes a panic tell its message and place, in \
     Python a clock or secure randomness ends a call like this";
pub(super) const SHORTER: &str = "return fewer or shorter texts";
pub(super) const SIMPLER: &str = "use fewer and simpler parameters";
pub(super) const REFER: &str = "put what it refers to under `$defs` and refer to `#/$defs/…`";
pub(super) const NAME: &str = "correct the name, or use the release of repair that the tool was written for";
pub(super) const OBSERVE: &str =
    "take what it needs from the observations of its case instead, and name them in the manifest's `sees`";
pub(super) const AGAIN: &str = "build it again; the file may have been cut, or use a feature that tools do not have";
pub(super) const WORLD: &str = "export the world `repair-tool` of wit/repair-tool.wit; the SDK's macro does it";
pub(super) const SDK: &str = "build it with the SDK of this release of repair";
pub(super) const WHOLE: &str = "give the `.wasm` file that the build of the tool made, whole";
pub(super) const ITSELF: &str = "give the component itself (`.wasm`), not what wasmtime made of it (`.cwasm`)";
