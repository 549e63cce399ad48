//! The subcommands, one file each: they print tables, or JSON documents on demand, and say by the
//! exit code how it went. Without a subcommand the console opens.

mod actor;
mod agent;
pub mod args;
mod audit;
mod calendar;
mod check;
mod console;
mod duty;
mod generated;
mod health;
mod incident;
mod incidents;
mod init;
mod keys;
mod log;
pub mod measure;
mod oncall;
mod orders;
mod output;
mod page;
mod report;
mod reporter;
mod show;
mod silence;
mod sla;
mod slo;
mod sources;
mod span;
mod stored;
mod themes;
mod transfer;
mod upload;
mod views;
mod watching;

use std::path::Path;
use std::process::ExitCode;

use chrono::Utc;

use crate::config::{self, Colour, Config, Keys, Problems, Surroundings, Vocabulary};
use crate::domain::text::clean;
use crate::ui::Tab;
use crate::ui::keymap::{self, Keymap};
use args::{Cli, Command, Global};
use output::{Exit, Output, complain};
use tokio::runtime::Runtime;

/// What every command needs.
struct Context {
    around: Surroundings,
    /// `--color`.
    colour: Option<Colour>,
    output: Output,
}

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Config(Problems),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Unreachable(String),
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Usage(_) => Exit::Usage,
            Self::Refused(_) => Exit::Problems,
            Self::Unreachable(_) => Exit::Unreachable,
        }
    }
}

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let cli = Cli::of_process();
    let outcome = context(&cli.global).and_then(|context| dispatch(cli, context));
    match outcome {
        Ok(exit) => output::written(exit).into(),
        Err(failure) => {
            complain(&failure.to_string());
            failure.exit().into()
        }
    }
}

fn context(global: &Global) -> Result<Context, Failure> {
    let mut around = Surroundings::of_process();
    around.vocabulary = vocabulary(around.config_dir.as_deref());
    around.config.clone_from(&global.config);
    if let Some(text) = &global.store {
        let here = std::env::current_dir().ok();
        let address = config::store_address(text, here.as_deref().map(Path::new));
        around.store = Some(address.map_err(|(message, remedy)| {
            Failure::Usage(format!("--store {}: {message}; {remedy}", clean(text, 300)))
        })?);
    }
    let output = Output::new(global.json, global.color.unwrap_or_default());
    Ok(Context { around, colour: global.color, output })
}

/// The words that the screens define, for the config to check against.
fn vocabulary(config_dir: Option<&Path>) -> Vocabulary {
    let check = |keys: &Keys| {
        let (_, problems) = Keymap::with(keys);
        problems.into_iter().map(|p| (p.action, p.why)).collect()
    };
    Vocabulary {
        themes: themes::names(config_dir),
        tabs: Tab::ALL.map(|tab| tab.name().to_owned()).to_vec(),
        actions: keymap::TABLE.iter().map(|e| e.name.to_owned()).collect(),
        check_keys: check,
    }
}

fn dispatch(cli: Cli, context: Context) -> Result<Exit, Failure> {
    let Some(command) = cli.command else {
        return console::run(context, &cli.console);
    };
    if cli.console.is_used() {
        let why = "INCIDENT, --demo, --read-only and the options of the screen belong to the console; \
                   leave them out, or the command";
        return Err(Failure::Usage(why.to_owned()));
    }
    let context = &context;
    match command {
        Command::Init(args) => block_on(init::run(context, &args)),
        Command::Check(args) => block_on(check::run(context, &args)),
        Command::Health => block_on(health::run(context)),
        Command::Sources => block_on(sources::run(context)),
        Command::Incidents(args) => block_on(incidents::run(context, &args)),
        Command::Incident(args) => block_on(incident::run(context, args)),
        Command::Oncall(args) => block_on(oncall::run(context, args)),
        Command::Calendar(args) => block_on(calendar::run(context, args)),
        Command::Agent => agent::run(context),
        Command::Page(args) => block_on(page::run(context, &args)),
        Command::Report(args) => block_on(report::run(context, args)),
        Command::Silences(args) => block_on(silence::list(context, &args)),
        Command::Silence(args) => block_on(silence::run(context, args)),
        Command::Sla(args) => block_on(sla::run(context, args)),
        Command::Slo(args) => block_on(slo::run(context, args)),
        Command::Audit(args) => block_on(audit::run(context, &args)),
        Command::Export(args) => block_on(transfer::export(context, &args)),
        Command::Import(args) => block_on(transfer::import(context, &args)),
        Command::Keys => keys::run(context),
        Command::Themes => Ok(themes::run(context)),
        Command::Completions(args) => Ok(generated::completions(&args)),
        Command::Man(args) => generated::man(&args),
    }
}

/// Runs a command that waits for servers or the store. What is still read then, such as a secret
/// from a pipe that nobody writes to, is not waited for.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = threads()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_background();
    outcome
}

fn threads() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|e| Failure::Refused(format!("no threads can be started: {e}")))
}

impl Context {
    /// The config; its warnings go to standard error.
    fn config(&self) -> Result<Config, Failure> {
        let config = config::load(&self.around, Utc::now()).map_err(Failure::Config)?;
        let warnings = config.warnings.present();
        if !warnings.0.is_empty() {
            complain(&warnings.to_string());
        }
        Ok(config)
    }
}
