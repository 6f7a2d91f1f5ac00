//! `hearback check-config`

use std::process::ExitCode;

use clap::Args as Arguments;

use crate::{
    config::Config,
    open,
    output::{say, say_json},
};

/// Arguments of `check-config`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// As JSON: `[{"key", "value", "source"}]`.
    #[arg(long)]
    json: bool,
}

/// Prints each setting, redacted, with its source. Fails when the settings or the templates can't be used.
pub fn run(args: &Args, config: &Config) -> anyhow::Result<ExitCode> {
    open::templates(config)?;
    open::check_pages(config)?;
    config.existing_secret_key()?;
    let settings = config.settings();
    if args.json {
        say_json(&settings)?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = settings.iter().map(|setting| setting.key.len()).max().unwrap_or(0);
    for setting in settings {
        say(format!("{:width$} = {}  ({})", setting.key, setting.value, setting.source));
    }
    Ok(ExitCode::SUCCESS)
}
