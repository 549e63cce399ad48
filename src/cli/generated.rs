//! `atalaya completions` and `atalaya man`: made from the command line itself.

use std::io;

use clap::CommandFactory;

use super::Failure;
use super::args::{Cli, Completions, Man};
use super::output::{Exit, print_as_is};

pub fn completions(args: &Completions) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "atalaya", &mut script);
    print_as_is(&String::from_utf8_lossy(&script));
    Exit::Fine
}

pub fn man(args: &Man) -> Result<Exit, Failure> {
    let unwritten = |e: io::Error| Failure::Refused(format!("the manual cannot be written: {e}"));
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).map_err(unwritten)?;
        clap_mangen::generate_to(Cli::command(), folder).map_err(unwritten)?;
    } else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(unwritten)?;
        print_as_is(&String::from_utf8_lossy(&page));
    }
    Ok(Exit::Fine)
}
