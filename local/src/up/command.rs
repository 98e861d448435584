//! The `up` command line.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

use super::terminal::Terminal;
use super::{PORT, admin, opening};
use crate::engine::live::{LiveError, Options, Served};
use crate::replay::command::{assignment, knobs};
use crate::replay::turn_knobs;
use crate::template::{Destination, REGION, Stack, TemplateError};

/// How often the status is shown.
const PACE: Duration = Duration::from_secs(1);

/// Runs all of a template on this machine, behind the endpoints of AWS, until Ctrl-C.
///
/// Streams, tables, functions, event source mappings and delivery streams are those of the template; the buckets are
/// folders. Prints the line that leads AWS's own clients to it, then what happens. A knob set in the environment overrides
/// the template's value for every function that has it: KLINES=all tapeline up ...
#[derive(Debug, Clone, Args)]
pub(crate) struct UpArgs {
    /// The template to run.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    template: PathBuf,
    /// Value for a parameter of the template.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = assignment)]
    parameters: Vec<(String, String)>,
    /// Folder of what AWS would hold: buckets, tables, messages and logs. It is kept from run to run.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Port of all services, on loopback; 0 has the system choose.
    #[arg(long, value_name = "PORT", default_value_t = PORT)]
    port: u16,
    /// Folder of the function binaries; otherwise they are looked for beside this program and in target/lambda.
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    /// Address that OpenSearch destinations send to instead of their domains.
    #[arg(long, value_name = "URL")]
    open_search: Option<String>,
    /// Prints the status and the functions' logs as one JSON document a line.
    #[arg(long)]
    json: bool,
}

/// The template cannot be run.
#[derive(Debug, Error)]
pub(crate) enum UpError {
    /// It cannot be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A domain of AWS is out of reach.
    #[error(
        "the delivery stream {stream} must have an OpenSearch on this machine, was {endpoint:?}: name its address with --open-search, such as http://127.0.0.1:9200"
    )]
    OpenSearch {
        /// Name of the delivery stream.
        stream: String,
        /// Name or address of its domain.
        endpoint: String,
    },
    /// It cannot be started.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// Ctrl-C cannot be waited for.
    #[error("cannot wait for Ctrl-C")]
    Signal(#[source] io::Error),
}

/// Runs until Ctrl-C, or until the system asks it to end.
///
/// # Errors
/// See [`UpError`].
pub(crate) async fn run(args: &UpArgs) -> Result<(), UpError> {
    let mut stack = Stack::load(&args.template, &args.parameters.iter().cloned().collect())?;
    turn_knobs(&mut stack, &knobs());
    if let Some(url) = &args.open_search {
        send_documents_to(url, &mut stack);
    }
    check_domains(&stack)?;
    let options = Options { data: args.data.clone(), port: args.port, functions: args.functions.clone() };
    let mut ending = Ending::listen().map_err(UpError::Signal)?;
    let served = Served::start(&stack, &options, admin::router).await?;
    let mut variables = served.variables.clone();
    variables.insert("AWS_REGION".to_owned(), REGION.to_owned());
    let mut terminal = Terminal::new(args.json);
    for line in opening::lines(&stack, &args.template).into_iter().chain(opening::exports(&variables)) {
        eprintln!("{line}");
    }
    watch(&served, &mut terminal, &mut ending).await;
    eprintln!("ending: what was taken is delivered; Ctrl-C again ends at once");
    tokio::select! {
        () = served.stop() => {}
        // A destination that does not answer may be waited for as long as its retries last.
        () = ending.asked() => eprintln!("ended: what was not delivered is lost to this run"),
    }
    Ok(())
}

/// Has OpenSearch destinations send to an address instead of their domains.
fn send_documents_to(url: &str, stack: &mut Stack) {
    for stream in &mut stack.delivery_streams {
        if let Destination::OpenSearch(search) = &mut stream.destination {
            url.clone_into(&mut search.endpoint);
        }
    }
}

/// Refuses OpenSearch destinations that are not on this machine: there is no TLS here, and a name alone is no address.
fn check_domains(stack: &Stack) -> Result<(), UpError> {
    for stream in &stack.delivery_streams {
        if let Destination::OpenSearch(search) = &stream.destination
            && !search.endpoint.starts_with("http://")
        {
            return Err(UpError::OpenSearch {
                stream: stream.name.clone(),
                endpoint: search.endpoint.clone(),
            });
        }
    }
    Ok(())
}

/// Shows what happens until the end.
async fn watch(served: &Served, terminal: &mut Terminal, ending: &mut Ending) {
    let mut logs = served.live.logs();
    let mut pace = tokio::time::interval(PACE);
    loop {
        let shown = tokio::select! {
            () = ending.asked() => return,
            _ = pace.tick(), if terminal.has_status() => terminal.status(served.live.status().await),
            line = logs.recv() => match line {
                Ok(line) => terminal.log(&line),
                // Too many at once: they are in the files. It is not closed before the functions are stopped.
                Err(RecvError::Lagged(_) | RecvError::Closed) => Ok(()),
            },
        };
        // Who read along has gone, as behind `head`; the run goes on.
        drop(shown);
    }
}

/// Being asked to end: Ctrl-C, or the signal with which the system asks a process to.
struct Ending {
    interrupt: Signal,
    terminate: Signal,
}

impl Ending {
    /// From now on neither ends the process by itself.
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits until it is asked for, once more each time.
    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
