//! Parses the arguments, installs the hooks, calls [`atalaya::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    // A report with its place is for the developer; the person gets the message.
    let _ = color_eyre::install();
    atalaya::cli::run()
}
