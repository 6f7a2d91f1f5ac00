//! A progress bar, on a terminal only.

use std::io::{self, IsTerminal as _};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over the bytes of a file; hidden when standard error is no terminal.
pub fn bar(bytes: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent}%  {bytes} of {total_bytes}, {eta} left") {
        bar.set_style(style);
    }
    bar
}
