//! The lines that Lambda itself writes around those of a function.

use std::fmt;
use std::time::Duration;

use super::error::InvocationError;

/// Lambda's first line of an invocation.
pub(super) fn start_line(request_id: &str) -> String {
    format!("START RequestId: {request_id} Version: $LATEST")
}

/// Lambda's line behind an invocation, in front of its report.
pub(super) fn end_line(request_id: &str) -> String {
    format!("END RequestId: {request_id}")
}

/// What Lambda reports of an invocation. Shown, it is Lambda's REPORT line, its parts separated by tabs.
#[derive(Debug)]
pub(super) struct Report<'r> {
    /// Which.
    pub(super) request_id: &'r str,
    /// How long the function took.
    pub(super) duration: Duration,
    /// How long its process took to start; `None` for one that ran already.
    pub(super) init: Option<Duration>,
    /// Memory the function is given, in MB.
    pub(super) memory_mb: u32,
    /// Most memory it held at once, in bytes, as far as that is known.
    pub(super) peak_memory_bytes: Option<u64>,
    /// Why it has no answer.
    pub(super) error: Option<&'r InvocationError>,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Lambda bills the start of a process too, in whole milliseconds.
        let billed = self.duration.saturating_add(self.init.unwrap_or_default()).as_micros().div_ceil(1000);
        let (id, duration, memory) = (self.request_id, millis(self.duration), self.memory_mb);
        write!(out, "REPORT RequestId: {id}\tDuration: {duration:.2} ms\tBilled Duration: {billed} ms")?;
        write!(out, "\tMemory Size: {memory} MB")?;
        if let Some(bytes) = self.peak_memory_bytes {
            write!(out, "\tMax Memory Used: {} MB", bytes.div_ceil(1024 * 1024))?;
        }
        if let Some(init) = self.init {
            write!(out, "\tInit Duration: {:.2} ms", millis(init))?;
        }
        match self.error {
            None => Ok(()),
            Some(InvocationError::TimedOut { .. }) => write!(out, "\tStatus: timeout"),
            Some(error) => write!(out, "\tStatus: error\tError Type: {}", error.error_type()),
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: Report<'_> = Report {
        request_id: "one",
        duration: Duration::from_micros(12_340),
        init: None,
        memory_mb: 256,
        peak_memory_bytes: Some(5_218_304),
        error: None,
    };

    // The form of "Retrieve Lambda function logs" in the Lambda guide; 5,218,304 bytes are 4.98 MB.
    #[test]
    fn a_report_reads_as_lambdas() {
        let expected = "REPORT RequestId: one\tDuration: 12.34 ms\tBilled Duration: 13 ms\tMemory Size: 256 MB\
            \tMax Memory Used: 5 MB";
        assert_eq!(REPORT.to_string(), expected);
    }

    #[test]
    fn a_cold_start_is_told_and_billed() {
        let report = Report { init: Some(Duration::from_micros(3_500)), ..REPORT }.to_string();
        assert!(report.contains("\tBilled Duration: 16 ms\t"), "{report}");
        assert!(report.ends_with("\tInit Duration: 3.50 ms"), "{report}");
    }

    #[test]
    fn a_failure_is_told() {
        let timed_out = InvocationError::TimedOut { timeout: Duration::from_secs(3) };
        let report = Report { error: Some(&timed_out), ..REPORT }.to_string();
        assert!(report.ends_with("\tStatus: timeout"), "{report}");
        let exited = InvocationError::Exited { status: "exit status: 1".to_owned(), last_log: Vec::new() };
        let report = Report { error: Some(&exited), ..REPORT }.to_string();
        assert!(report.ends_with("\tStatus: error\tError Type: Runtime.ExitError"), "{report}");
    }
}
