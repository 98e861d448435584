//! The binaries that tests run: the command, and the functions of the deployed template.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// The command.
pub(crate) const TAPELINE: &str = env!("CARGO_BIN_EXE_tapeline");
/// The deployed template.
pub(crate) const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
/// A script in the place of a function: it leaves the address of its Runtime API in a file.
pub(crate) const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lambda/stand_in.sh");

/// The functions of the template, by the names of their binaries.
pub(crate) const FUNCTIONS: [&str; 2] = ["indicator-calculator", "record-transformer"];

/// Where the binary of a function is once it is built.
pub(crate) fn built(function: &str) -> PathBuf {
    Path::new(TAPELINE).with_file_name(function)
}

/// Builds the functions beside the command, where the command looks for them, unless they are there: the tests of the
/// whole workspace have just built them. (Building this package's tests alone, build the functions first.)
pub(crate) fn build_functions() {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        if FUNCTIONS.iter().all(|name| built(name).exists()) {
            return;
        }
        let folder = Path::new(TAPELINE).parent().unwrap();
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            other => other,
        };
        let mut build = Command::new(env!("CARGO"));
        build
            .args(["build", "--quiet", "--profile", profile])
            .args(FUNCTIONS.map(|name| format!("-p{name}")));
        build.arg("--target-dir").arg(folder.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().unwrap().success());
    });
}
