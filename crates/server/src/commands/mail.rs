//! `hearback mail explain FILE...`: how a mail that came in is read, without a database.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::Subcommand;
use hearback_core::Email;
use hearback_mailer::inbound::{self, Inbound, Kind, MAX_BYTES};
use serde::Serialize;

use crate::{
    config::Config,
    output::{complain, say, say_json},
};

/// What to do with mail.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell how mails that came in are read: what they are, about whom, whose fault, what the customer said, and why.
    Explain {
        /// Mails as they came, header and all (.eml).
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The address of the envelope that they came to, where it is known.
        #[arg(long, value_name = "ADDRESS")]
        recipient: Option<String>,
        /// As JSON: a list of `{"file", "kind", "recipient", "status", "blame", "diagnosis", "marks", "from", "subject", "said",
        /// "folded", "why"}`.
        #[arg(long)]
        json: bool,
    },
}

/// How one mail is read.
#[derive(Debug, Serialize)]
struct Explained {
    file: String,
    kind: &'static str,
    /// The address that a report on delivery is about.
    recipient: Option<String>,
    /// Its enhanced code.
    status: Option<String>,
    /// Whose fault it is: `address`, `passing`, `policy`; `none` where nothing failed.
    blame: &'static str,
    /// What the server said.
    diagnosis: Option<String>,
    /// What may be marks of ours; whether they are genuine only a server with its key can tell.
    marks: Vec<String>,
    from: String,
    subject: String,
    /// Of a reply what the customer said.
    said: Option<String>,
    /// Of a reply what was left out of it.
    folded: Option<String>,
    why: String,
}

/// Runs the command. A file that can't be opened is told and does not stop the others; 1 then.
pub fn run(command: Command, config: &Config) -> anyhow::Result<ExitCode> {
    let Command::Explain { files, recipient, json } = command;
    let own = config.own_addresses()?;
    let mut explained = Vec::with_capacity(files.len());
    let mut is_whole = true;
    for file in &files {
        match read(file) {
            Ok(raw) => explained.push(explain(file, &raw, recipient.as_deref(), &own)),
            Err(error) => {
                complain(&format!("error: {error:#}"));
                is_whole = false;
            }
        }
    }
    if json {
        say_json(&explained)?;
    } else {
        explained.iter().for_each(show);
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// No more of it than what is refused for its size.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let because = || format!("can't read `{}`; give a mail as it came, header and all", path.display());
    let mut raw = Vec::new();
    let file = File::open(path).with_context(because)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut raw).with_context(because)?;
    Ok(raw)
}

fn explain(file: &Path, raw: &[u8], recipient: Option<&str>, own: &[Email]) -> Explained {
    let file = file.display().to_string();
    let nothing = |kind, why| Explained {
        file,
        kind,
        recipient: None,
        status: None,
        blame: "none",
        diagnosis: None,
        marks: Vec::new(),
        from: String::new(),
        subject: String::new(),
        said: None,
        folded: None,
        why,
    };
    let mail = match inbound::read(raw, recipient, own) {
        Ok(mail) => mail,
        Err(refused) => return nothing("unknown", refused.to_string()),
    };
    let Inbound { kind, marks, returned_marks, from, subject, said, folded, .. } = mail;
    let marks = [marks, returned_marks].concat();
    let blame = match &kind {
        Kind::Bounce(failure) | Kind::Delayed(failure) => failure.blame().as_str(),
        _ => "none",
    };
    let common = Explained { blame, marks, from, subject, ..nothing(kind.as_str(), kind.why().to_owned()) };
    match kind {
        Kind::Bounce(failure) | Kind::Delayed(failure) | Kind::Delivered(failure) => Explained {
            status: failure.status.map(|status| status.to_string()),
            recipient: Some(failure.recipient).filter(|recipient| !recipient.is_empty()),
            diagnosis: Some(failure.diagnosis).filter(|diagnosis| !diagnosis.is_empty()),
            ..common
        },
        Kind::Reply | Kind::AutoReply(_) | Kind::OptOut => {
            let folded: Vec<String> = folded.into_iter().map(|piece| piece.text).collect();
            Explained { said: Some(said), folded: Some(folded.join("\n")), ..common }
        }
        Kind::Complaint(_) | Kind::Unknown(_) => common,
    }
}

fn show(mail: &Explained) {
    say(format!("{}: {}", mail.file, mail.kind));
    let line = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            say(format!("  {name}: {}", value.replace('\n', "\n    ")));
        }
    };
    line("why", Some(&mail.why));
    line("from", Some(&mail.from));
    line("subject", Some(&mail.subject));
    line("recipient", mail.recipient.as_deref());
    line("status", mail.status.as_deref());
    line("blame", Some(mail.blame).filter(|blame| *blame != "none"));
    line("diagnosis", mail.diagnosis.as_deref());
    line("marks", Some(&mail.marks.join(" ")));
    line("said", mail.said.as_deref());
    line("folded", mail.folded.as_deref());
}
