//! The binaries that tests run: the command, the functions of the deployed template, and the feed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// The command.
pub(crate) const TAPELINE: &str = env!("CARGO_BIN_EXE_tapeline");
/// The deployed template.
pub(crate) const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
/// The functions of the template and the feed, by the names of their binaries.
pub(crate) const BINARIES: [&str; 3] = ["indicator-calculator", "record-transformer", "tapeline-feed"];

/// Where another binary is once it is built.
pub(crate) fn built(name: &str) -> PathBuf {
    Path::new(TAPELINE).with_file_name(name)
}

/// Builds the other binaries beside the command, where the command looks for them, unless they are there: the tests of the
/// whole workspace have just built them. (Building this package's tests alone, build the others first.)
pub(crate) fn build_others() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        if BINARIES.iter().all(|name| built(name).exists()) {
            return;
        }
        let folder = Path::new(TAPELINE).parent().unwrap();
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--profile", profile]).args(BINARIES.map(|name| format!("-p{name}")));
        build.arg("--target-dir").arg(folder.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().unwrap().success());
    });
}
