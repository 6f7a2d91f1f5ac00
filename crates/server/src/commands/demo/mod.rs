//! `hearback demo`: a complete, safe trial in one folder. Nothing leaves the machine.
//!
//! The settings of this machine are not read: a demo never touches a real database or a real mail server.

mod campaign;
mod customers;
mod guide;
mod random;
mod replay;
mod responses;
mod seed;
mod state;
mod words;

use std::{path::PathBuf, process::ExitCode};

use clap::Args as Arguments;
use hearback_core::{Clock as _, SystemClock};
use tokio::net::TcpListener;

use self::state::Folder;
use super::serve::{Role, bind, serve};
use crate::{
    config::Config,
    lifecycle::Lifecycle,
    open,
    output::{complain, say},
    telemetry,
};

/// The port when none is asked for.
const PORT: u16 = 8080;

/// Arguments of `demo`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// The port to listen on, on this machine only. 8080 when left out, or any free one if that is taken.
    #[arg(long)]
    port: Option<u16>,
    /// The folder that the demo lives in. Delete it to start afresh.
    #[arg(long, default_value = "./hearback-demo")]
    dir: PathBuf,
}

/// Makes the sample data if it is not there yet, then serves until a signal.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let lifecycle = Lifecycle::new()?;
    let listener = listen(args.port).await?;
    let folder = Folder(args.dir);
    let remembered = folder.read()?;
    let config = Config::demo(&folder.0, listener.local_addr()?)?;
    telemetry::start(&config.log)?;
    let state = if let Some(complete) = remembered.filter(|state| state.complete) {
        complete
    } else {
        complain("Making a year of customer feedback; this takes a few seconds ...");
        Box::pin(seed::seed(&config, &folder, SystemClock.now())).await?
    };
    let (cx, ws) = open::context(&config).await?;
    let waiting = campaign::who_has_not_answered(&cx, ws).await?;
    say(guide::text(&config, &folder, &state, waiting.as_ref()));
    serve(lifecycle, &config, cx, ws, Some(listener), Role::All, None).await?;
    Ok(ExitCode::SUCCESS)
}

async fn listen(port: Option<u16>) -> anyhow::Result<TcpListener> {
    match port {
        Some(port) => bind(&format!("127.0.0.1:{port}"), "--port").await,
        None => match TcpListener::bind(("127.0.0.1", PORT)).await {
            Ok(listener) => Ok(listener),
            Err(_) => bind("127.0.0.1:0", "--port").await,
        },
    }
}
