//! `hearback reseal`

use std::process::ExitCode;

use clap::Args as Arguments;
use hearback_engine::seals;

use crate::{
    config::Config,
    open,
    output::{say, say_json},
    telemetry,
};

/// Arguments of `reseal`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// As JSON: `{"sealed", "unreadable"}`.
    #[arg(long)]
    json: bool,
}

/// Seals with the secret key what an old one sealed. Fails when something can't be opened with any of them.
pub async fn run(args: Args, config: Config) -> anyhow::Result<ExitCode> {
    telemetry::quiet();
    let (cx, _) = open::context(&config).await?;
    let done = seals::reseal(&cx).await?;
    cx.db.clone().close().await?;
    if args.json {
        say_json(&done)?;
    } else {
        say(format!("sealed {} secrets with the new key", done.sealed));
        if done.unreadable > 0 {
            say(format!(
                "{} can't be opened with any key that is known and stay as they are; `hearback doctor` names the key",
                done.unreadable
            ));
        } else {
            say("Nothing needs the old key any more but links in mails that were sent: keep it as secret_key_old while those must work.");
        }
    }
    Ok(ExitCode::from(u8::from(done.unreadable > 0)))
}
