//! Runs `tapeline up` in a folder of its own and reads what it kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;
use tempfile::TempDir;

use crate::PATIENCE;
use crate::aws::Aws;
use crate::binaries::{TAPELINE, TEMPLATE, build_others};
use crate::lines::{Lines, start};
use crate::process::{Process, until};

/// What leads the clients of AWS to a run.
const EXPORT: &str = "export AWS_ENDPOINT_URL=";

/// A folder with a template, perhaps functions, and what a run keeps.
pub(crate) struct Workshop {
    folder: TempDir,
    options: Vec<String>,
}

impl Workshop {
    /// With the deployed template.
    pub(crate) fn new() -> Self {
        build_others();
        Self { folder: tempfile::tempdir().unwrap(), options: Vec::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn option(mut self, name: &str, value: &str) -> Self {
        self.options.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// With another template.
    pub(crate) fn template(self, text: &str) -> Self {
        let path = self.path("template.yaml");
        fs::write(&path, text).unwrap();
        self.option("--template", path.to_str().unwrap())
    }

    /// With the deployed template, each of these texts in it replaced.
    pub(crate) fn edited(self, replaced: &[(&str, &str)]) -> Self {
        self.template(&edited(&fs::read_to_string(TEMPLATE).unwrap(), replaced))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(TAPELINE);
        command.args(["up", "--json"]).args(&self.options).current_dir(self.folder.path());
        let is_set = |name: &str| self.options.iter().any(|option| option == name);
        for (name, value) in [("--template", TEMPLATE), ("--data", "data"), ("--port", "0")] {
            if !is_set(name) {
                command.args([name, value]);
            }
        }
        for name in record_transformer::Config::VARIABLES {
            command.env_remove(name);
        }
        command
    }

    /// Starts a run and waits until it can be used.
    pub(crate) fn up(self) -> Up {
        let (process, lines) = start(&mut self.command());
        let mut opening = Vec::new();
        let export = loop {
            match lines.said.recv_timeout(PATIENCE) {
                Ok(line) if line.starts_with(EXPORT) => break line,
                Ok(line) => opening.push(line),
                Err(error) => panic!("{error} after {opening:#?}"),
            }
        };
        let url = export.strip_prefix(EXPORT).unwrap().split(' ').next().unwrap();
        Up { process, lines, aws: Aws::at(url), opening, workshop: self }
    }

    /// A run that is refused: with one line, which is handed back.
    pub(crate) fn refused(&self) -> String {
        refused(&mut self.command())
    }

    /// What is kept in the buckets, by bucket and key.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.files("data/s3")
    }

    /// The files below a folder, by their path in it.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        walk(&self.path(folder), "", &mut files);
        files
    }
}

/// A text with others in the place of some of its own.
pub(crate) fn edited(text: &str, replaced: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in replaced {
        assert!(text.contains(from), "the template has no {from:?}");
        text = text.replace(from, to);
    }
    text
}

/// Runs a command that is refused, and hands back the one line it says.
pub(crate) fn refused(command: &mut Command) -> String {
    let (mut process, lines) = start(command);
    let status = process.wait();
    let said: Vec<_> = lines.said.iter().collect();
    assert_eq!((status.code(), said.len()), (Some(1), 1), "{said:#?}");
    assert_eq!(lines.out.iter().collect::<Vec<_>>(), Vec::<String>::new());
    said.into_iter().next().unwrap()
}

fn walk(folder: &Path, path: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let path = if path.is_empty() { name } else { format!("{path}/{name}") };
        if entry.path().is_dir() {
            walk(&entry.path(), &path, files);
        } else if !path.contains("/.unfinished-") {
            files.insert(path, fs::read(entry.path()).unwrap());
        }
    }
}

/// A run that can be used. Dropping it ends it.
pub(crate) struct Up {
    pub(crate) process: Process,
    pub(crate) lines: Lines,
    pub(crate) aws: Aws,
    /// What it said before it could be used.
    pub(crate) opening: Vec<String>,
    pub(crate) workshop: Workshop,
}

impl Up {
    /// Waits for an object below a prefix of a bucket.
    pub(crate) fn object(&self, prefix: &str) -> Vec<u8> {
        until(prefix, || below(self.workshop.objects(), prefix).into_iter().next())
    }

    /// Has it end, which it must do well.
    pub(crate) fn end(mut self) -> Ended {
        let status = self.process.end();
        let said: Vec<_> = self.lines.said.iter().collect();
        assert_eq!(status.code(), Some(0), "{said:#?}");
        let (out, objects) = (self.lines.out.iter().collect(), self.workshop.objects());
        Ended { out, objects, workshop: self.workshop }
    }
}

/// A run that ended well.
pub(crate) struct Ended {
    /// Lines of its standard output.
    pub(crate) out: Vec<String>,
    objects: BTreeMap<String, Vec<u8>>,
    /// Its folder, for another run.
    pub(crate) workshop: Workshop,
}

impl Ended {
    /// Keys of all objects, each behind its bucket.
    pub(crate) fn keys(&self) -> Vec<&str> {
        self.objects.keys().map(String::as_str).collect()
    }

    /// The objects below a prefix of a bucket.
    pub(crate) fn below(&self, prefix: &str) -> Vec<Vec<u8>> {
        below(self.objects.clone(), prefix)
    }

    /// The rows of the Parquet objects below a prefix of a bucket, as JSON.
    pub(crate) fn rows(&self, prefix: &str) -> Vec<Value> {
        self.below(prefix).into_iter().flat_map(rows).collect()
    }
}

fn below(objects: BTreeMap<String, Vec<u8>>, prefix: &str) -> Vec<Vec<u8>> {
    objects.into_iter().filter(|(key, _)| key.starts_with(prefix)).map(|(_, content)| content).collect()
}

fn rows(content: Vec<u8>) -> Vec<Value> {
    let reader = SerializedFileReader::new(bytes::Bytes::from(content)).unwrap();
    let rows = reader.get_row_iter(None).unwrap().map(Result::unwrap);
    let columns = rows.map(|row| {
        let columns = row.get_column_iter();
        columns.map(|(name, field)| (name.clone(), Value::from(field.to_string()))).collect()
    });
    columns.map(Value::Object).collect()
}
