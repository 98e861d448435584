//! Finds the binary of a function on this machine.

use std::env::consts::EXE_SUFFIX;
use std::path::{Path, PathBuf};

/// Why the binary of a function cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum BinaryError {
    /// The directory the caller named holds no such binary.
    #[error(
        "{} must hold the binary {name} or {name}/bootstrap, found neither: build it with `cargo build --release -p {name}`",
        .directory.display()
    )]
    NotInDirectory {
        /// Name of the binary.
        name: String,
        /// The directory.
        directory: PathBuf,
    },
    /// None of the usual places holds the binary.
    #[error(
        "the binary {name} was found neither beside {} nor as target/lambda/{name}/bootstrap above it: build it with `cargo build --release -p {name}`",
        .beside.display()
    )]
    NotFound {
        /// Name of the binary.
        name: String,
        /// The running executable.
        beside: PathBuf,
    },
}

/// Finds the binary `name`.
///
/// With `explicit` only that directory counts: what the caller named is never replaced by something else. Otherwise
/// the binary is looked for beside the running executable `beside`, which one `cargo build` made together with it,
/// and then where cargo-lambda puts it, in every folder above.
pub(crate) fn find_binary(
    name: &str,
    beside: &Path,
    explicit: Option<&Path>,
) -> Result<PathBuf, BinaryError> {
    if let Some(directory) = explicit {
        let candidates = [directory.join(file_name(name)), directory.join(name).join("bootstrap")];
        return first_file(candidates).ok_or_else(|| BinaryError::NotInDirectory {
            name: name.to_owned(),
            directory: directory.to_owned(),
        });
    }
    let built = beside.parent().map(|directory| directory.join(file_name(name)));
    let packaged =
        beside.ancestors().skip(1).map(|above| above.join("target/lambda").join(name).join("bootstrap"));
    first_file(built.into_iter().chain(packaged))
        .ok_or_else(|| BinaryError::NotFound { name: name.to_owned(), beside: beside.to_owned() })
}

/// File name of an executable on this system.
fn file_name(name: &str) -> String {
    format!("{name}{EXE_SUFFIX}")
}

/// First candidate that is a file.
fn first_file(candidates: impl IntoIterator<Item = PathBuf>) -> Option<PathBuf> {
    candidates.into_iter().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// A folder with these empty files in it.
    fn folder(files: &[&str]) -> TempDir {
        let folder = TempDir::new().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn the_named_directory_wins() {
        let folder = folder(&["release/fn", "named/fn"]);
        let found =
            find_binary("fn", &folder.path().join("release/tapeline"), Some(&folder.path().join("named")));
        assert_eq!(found, Ok(folder.path().join("named/fn")));
    }

    #[test]
    fn the_named_directory_may_be_that_of_cargo_lambda() {
        let folder = folder(&["lambda/fn/bootstrap"]);
        let found = find_binary("fn", Path::new("tapeline"), Some(&folder.path().join("lambda")));
        assert_eq!(found, Ok(folder.path().join("lambda/fn/bootstrap")));
    }

    #[test]
    fn the_named_directory_is_not_replaced_by_another() {
        let folder = folder(&["release/fn"]);
        let beside = folder.path().join("release/tapeline");
        let error = find_binary("fn", &beside, Some(&folder.path().join("empty"))).unwrap_err();
        assert!(error.to_string().ends_with("build it with `cargo build --release -p fn`"), "{error}");
    }

    #[test]
    fn the_neighbour_comes_before_the_package() {
        let folder = folder(&["target/release/fn", "target/lambda/fn/bootstrap"]);
        let found = find_binary("fn", &folder.path().join("target/release/tapeline"), None);
        assert_eq!(found, Ok(folder.path().join("target/release/fn")));
    }

    #[test]
    fn the_package_is_found_further_up() {
        let folder = folder(&["target/lambda/fn/bootstrap"]);
        let found = find_binary("fn", &folder.path().join("target/release/tapeline"), None);
        assert_eq!(found, Ok(folder.path().join("target/lambda/fn/bootstrap")));
    }

    #[test]
    fn a_missing_binary_tells_how_to_build_it() {
        let folder = folder(&[]);
        let error = find_binary("fn", &folder.path().join("tapeline"), None).unwrap_err();
        assert!(error.to_string().ends_with("build it with `cargo build --release -p fn`"), "{error}");
    }

    #[test]
    fn a_folder_is_no_binary() {
        let folder = folder(&["fn/other"]);
        assert!(find_binary("fn", &folder.path().join("tapeline"), None).is_err());
    }
}
