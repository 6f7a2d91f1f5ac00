//! `hearback completions`

use std::{io, process::ExitCode};

use clap::{Args as Arguments, Command};
use clap_complete::{Shell, generate};

/// Arguments of `completions`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// The shell: `hearback completions bash > /etc/bash_completion.d/hearback`.
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args, mut command: Command) -> ExitCode {
    let mut script = Vec::new();
    generate(args.shell, &mut command, "hearback", &mut script);
    // A reader that went away is no failure.
    let _ = io::Write::write_all(&mut io::stdout().lock(), &script);
    ExitCode::SUCCESS
}
