//! Mails in the shapes that servers and mail programs send them: what the tests read and `bench inbound` measures.

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "tests/inbound"]
struct Files;

/// Name and bytes of each; the name begins with the kind that it is.
pub fn corpus() -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> =
        Files::iter().filter_map(|name| Some((name.to_string(), Files::get(&name)?.data.into_owned()))).collect();
    all.sort();
    all
}
