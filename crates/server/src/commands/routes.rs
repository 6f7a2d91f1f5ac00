//! `hearback routes`

use std::process::ExitCode;

use clap::Args as Arguments;
use hearback_web::route;
use serde_json::{Value, json};

use crate::output::{say, say_json};

/// Arguments of `routes`.
#[derive(Debug, Arguments)]
pub struct Args {
    /// As JSON: `[{"method", "path", "access", "summary"}]`.
    #[arg(long)]
    json: bool,
}

/// Prints every page and every call, with what it takes.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.json {
        let entry = |route: &route::Route| {
            let (method, access) = (route.method.as_str(), route.access.to_string());
            json!({ "method": method, "path": route.path, "access": access, "summary": route.summary })
        };
        say_json(&route::all().iter().map(entry).collect::<Vec<Value>>())?;
    } else {
        say(route::table().trim_end());
    }
    Ok(ExitCode::SUCCESS)
}
