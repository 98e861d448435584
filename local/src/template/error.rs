//! What can be wrong with a template, and where.

use std::io;
use std::path::PathBuf;

use super::yaml::FILE_BYTES_MAX;

/// Characters of a found value that an error message repeats.
const EXCERPT_CHARS_MAX: usize = 100;

/// Why a template cannot be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TemplateError {
    /// The file cannot be read.
    #[error("cannot read the template {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is larger than AWS allows.
    #[error("{file}: a template must have at most {FILE_BYTES_MAX} bytes, had {bytes}")]
    TooLarge {
        /// Name of the file.
        file: String,
        /// Its size.
        bytes: usize,
    },
    /// The text is not YAML, or breaks a limit of this reader.
    #[error("{file}:{line}: {message}")]
    Yaml {
        /// Name of the file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A value is wrong, or missing.
    #[error("{file}:{line}: `{path}` must be {expected}, was {found}")]
    Invalid {
        /// Name of the file.
        file: String,
        /// Line, from 1. Of a missing value: that of what should hold it.
        line: usize,
        /// Place in the template, such as `Resources.Archive.Properties.Prefix`.
        path: String,
        /// What would be right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A value is right on AWS and changes what happens, but the local run cannot do it.
    #[error("{file}:{line}: `{path}`: {what} is not supported by the local run")]
    Unsupported {
        /// Name of the file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Place in the template.
        path: String,
        /// What is asked for.
        what: String,
    },
    /// A value of a request is wrong, or missing.
    #[error("`{path}` must be {expected}, was {found}")]
    Request {
        /// Place in the request, such as `ExtendedS3DestinationConfiguration.Prefix`.
        path: String,
        /// What would be right.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A value of a request is right on AWS and changes what happens, but the local run cannot do it.
    #[error("`{path}`: {what} is not supported by the local run")]
    UnsupportedRequest {
        /// Place in the request.
        path: String,
        /// What is asked for.
        what: String,
    },
    /// A parameter was given a value that the template does not have or does not allow.
    #[error("parameter {name} must be {expected}, was {found}")]
    Parameter {
        /// Name of the parameter.
        name: String,
        /// What would be right.
        expected: String,
        /// What was given.
        found: String,
    },
}

/// A [`TemplateError`] that does not know its file yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    line: usize,
    path: String,
    cause: Cause,
}

/// What is wrong at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Cause {
    Yaml(String),
    Invalid { expected: String, found: String },
    Unsupported(String),
    Parameter { expected: String, found: String },
}

impl Fault {
    /// The text is not YAML.
    pub(super) fn yaml(line: usize, message: impl Into<String>) -> Self {
        Self { line, path: String::new(), cause: Cause::Yaml(message.into()) }
    }

    /// A value is wrong.
    pub(super) fn invalid(
        (line, path): (usize, &str),
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let cause = Cause::Invalid { expected: expected.into(), found: found.into() };
        Self { line, path: path.to_owned(), cause }
    }

    /// A value asks for more than the local run can do.
    pub(super) fn unsupported((line, path): (usize, &str), what: impl Into<String>) -> Self {
        Self { line, path: path.to_owned(), cause: Cause::Unsupported(what.into()) }
    }

    /// The caller gave a parameter a wrong value.
    pub(super) fn parameter(name: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let cause = Cause::Parameter { expected: expected.into(), found: found.into() };
        Self { line: 0, path: name.to_owned(), cause }
    }

    /// Adds the name of the file.
    pub(super) fn into_error(self, file: &str) -> TemplateError {
        let Self { line, path, cause } = self;
        let file = file.to_owned();
        match cause {
            Cause::Yaml(message) => TemplateError::Yaml { file, line, message },
            Cause::Invalid { expected, found } => {
                TemplateError::Invalid { file, line, path, expected, found }
            }
            Cause::Unsupported(what) => TemplateError::Unsupported { file, line, path, what },
            Cause::Parameter { expected, found } => TemplateError::Parameter { name: path, expected, found },
        }
    }

    /// Makes it an error of a request, which has neither file nor lines.
    pub(super) fn into_request_error(self) -> TemplateError {
        let Self { path, cause, .. } = self;
        match cause {
            Cause::Unsupported(what) => TemplateError::UnsupportedRequest { path, what },
            Cause::Invalid { expected, found } | Cause::Parameter { expected, found } => {
                TemplateError::Request { path, expected, found }
            }
            Cause::Yaml(expected) => {
                TemplateError::Request { path, expected, found: "something else".to_owned() }
            }
        }
    }
}

/// Quotes a found text, cut to what a message can bear.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(EXCERPT_CHARS_MAX) {
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}
