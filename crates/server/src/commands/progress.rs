//! How far a long command has got, on a terminal only.

use std::{
    io::{self, IsTerminal as _},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over the bytes of a file; hidden when standard error is no terminal.
pub fn bar(bytes: u64) -> ProgressBar {
    let bar = shown(ProgressBar::new(bytes));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}%  {bytes} of {total_bytes}, {eta} left") {
        bar.set_style(style);
    }
    bar
}

/// A bar over a known number of `things`; hidden when standard error is no terminal.
pub fn bar_of(things: &'static str, total: u64) -> ProgressBar {
    let bar = shown(ProgressBar::new(total));
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}%  {human_pos} of {human_len} {msg}, {eta} left") {
        bar.set_style(style);
    }
    bar.set_message(things);
    bar
}

/// A counter of `things`, when nobody knows how many there will be; hidden as well when the output itself is on the screen.
pub fn count(things: &'static str, is_wanted: bool) -> ProgressBar {
    if !is_wanted {
        return ProgressBar::hidden();
    }
    let bar = shown(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} {msg}, {per_sec}") {
        bar.set_style(style);
    }
    bar.set_message(things);
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}

fn shown(bar: ProgressBar) -> ProgressBar {
    if io::stderr().is_terminal() { bar } else { ProgressBar::hidden() }
}
