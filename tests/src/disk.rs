//! A disk that loses power: what a traced process wrote and made durable, and what the disk holds of it at a moment.
//!
//! Owns: reading the trace of `strace`, and putting files together again from it. A write that no later `fsync` covers may be there, may be
//! missing, or may be there in some of its sectors; one that is covered is there.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a trace that can't be read must fail its test loudly")]

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use crate::load::Numbers;

/// What disks write whole or not at all, in bytes.
const SECTOR: usize = 512;

/// What to put before a command so that its writes are traced into this file.
pub fn traced(trace: &Path) -> String {
    let calls = "pwrite64,ftruncate,fsync,fdatasync,write,writev,sendto,sendmsg";
    format!("exec strace -D -f -qq -y -xx -s 1000000 -e trace={calls} -o '{}' \"$0\" \"$@\"", trace.display())
}

/// What becomes of writes that were not made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsynced {
    /// They are gone.
    Lost,
    /// They are there.
    Kept,
    /// Some of their sectors are there; which follows from the number.
    Torn(u64),
}

/// A change of a file.
#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate(usize),
}

/// Something that happened, and between which lines of the trace.
#[derive(Debug)]
struct Happened<T> {
    begun: usize,
    done: usize,
    what: T,
}

/// All that a process did to its files.
#[derive(Debug, Default)]
pub struct History {
    changes: BTreeMap<PathBuf, Vec<Happened<Change>>>,
    syncs: HashMap<PathBuf, Vec<Happened<()>>>,
    /// The moments at which an answer `201 Created` began to leave, in order.
    pub confirmations: Vec<usize>,
    /// The last moment.
    pub end: usize,
}

impl History {
    /// Reads what `strace` wrote.
    pub fn read(trace: &Path) -> Self {
        let text = std::fs::read_to_string(trace).expect("a trace that can be read");
        let mut history = Self::default();
        let mut unfinished: HashMap<&str, (usize, String)> = HashMap::new();
        for (at, line) in text.lines().enumerate() {
            history.end = at;
            let Some((thread, rest)) = line.split_once(' ') else { continue };
            let rest = rest.trim_start();
            if let Some(call) = rest.strip_suffix(" <unfinished ...>") {
                history.confirmed(at, call);
                unfinished.insert(thread, (at, call.to_owned()));
            } else if let Some((_, result)) = rest.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
                let Some((begun, call)) = unfinished.remove(thread) else { continue };
                history.note(begun, at, &format!("{call}{result}"));
            } else {
                history.confirmed(at, rest);
                history.note(at, at, rest);
            }
        }
        history
    }

    fn confirmed(&mut self, at: usize, call: &str) {
        if is_sending(call) && call.contains(&hex(b"HTTP/1.1 201")) {
            self.confirmations.push(at);
        }
    }

    /// Takes down one call that worked.
    fn note(&mut self, begun: usize, done: usize, call: &str) {
        let Some((name, rest)) = call.split_once('(') else { return };
        let Some((arguments, result)) = rest.rsplit_once(") = ").or_else(|| rest.rsplit_once(')')) else { return };
        let Some(file) = file_of(arguments) else { return };
        let worked = result.trim_start_matches([' ', '=']).split(' ').next().and_then(|number| number.parse::<usize>().ok());
        let Some(number) = worked else { return };
        let last = arguments.rsplit(", ").next().and_then(|last| last.trim().parse().ok());
        match (name, last) {
            ("pwrite64", Some(offset)) => {
                let mut bytes = arguments.split('"').nth(1).map(unhex).expect("a write has bytes");
                bytes.truncate(number);
                self.changes.entry(file).or_default().push(Happened { begun, done, what: Change::Write { offset, bytes } });
            }
            ("ftruncate", Some(length)) => {
                self.changes.entry(file).or_default().push(Happened { begun, done, what: Change::Truncate(length) });
            }
            ("fsync" | "fdatasync", _) => self.syncs.entry(file).or_default().push(Happened { begun, done, what: () }),
            _ => {}
        }
    }

    /// How often this file was written to.
    pub fn writes(&self, file: &Path) -> usize {
        self.changes.get(file).map_or(0, Vec::len)
    }

    /// As if `fsync` had done nothing for files whose name ends so.
    pub fn forget_syncs(&mut self, ending: &str) {
        self.syncs.retain(|file, _| !file.to_string_lossy().ends_with(ending));
    }

    /// What a file that held `content` holds after the power failed at this moment.
    pub fn after_power_failed(&self, file: &Path, mut content: Vec<u8>, at: usize, unsynced: Unsynced) -> Vec<u8> {
        let durable = self.syncs.get(file).into_iter().flatten().filter(|sync| sync.done < at).map(|sync| sync.begun).max();
        let mut numbers = Numbers::new(if let Unsynced::Torn(seed) = unsynced { seed } else { 0 });
        for change in self.changes.get(file).into_iter().flatten().filter(|change| change.begun < at) {
            let is_durable = durable.is_some_and(|begun| change.done < begun);
            match (&change.what, unsynced) {
                _ if !is_durable && unsynced == Unsynced::Lost => {}
                (Change::Truncate(length), Unsynced::Torn(_)) if !is_durable && numbers.below(2) == 0 => {
                    content.resize(content.len().min(*length), 0)
                }
                (Change::Truncate(_), Unsynced::Torn(_)) if !is_durable => {}
                (Change::Truncate(length), _) => content.resize(*length, 0),
                (Change::Write { offset, bytes }, _) => {
                    let end = offset + bytes.len();
                    content.resize(content.len().max(end), 0);
                    for (n, sector) in bytes.chunks(SECTOR).enumerate() {
                        let from = offset + n * SECTOR;
                        if is_durable || unsynced == Unsynced::Kept || numbers.below(2) == 0 {
                            content[from..from + sector.len()].copy_from_slice(sector);
                        }
                    }
                }
            }
        }
        content
    }
}

fn is_sending(call: &str) -> bool {
    ["write(", "writev(", "sendto(", "sendmsg("].iter().any(|name| call.starts_with(name))
}

/// The path in `12<\x2f\x74...>, ...`.
fn file_of(arguments: &str) -> Option<PathBuf> {
    let (_, rest) = arguments.split_once('<')?;
    let (path, _) = rest.split_once('>')?;
    let path = if path.starts_with("\\x") { String::from_utf8(unhex(path)).ok()? } else { path.to_owned() };
    path.starts_with('/').then(|| PathBuf::from(path))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits")).collect()
}
