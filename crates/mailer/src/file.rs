//! Captured mail: one `.eml` file per message in a folder, for trials and tests. Nothing leaves the machine.
//!
//! The name of the file is the message id, so a mail that is sent twice is there once.

use std::path::{Path, PathBuf};

use tokio::{fs, io::AsyncWriteExt};

use crate::{
    message::Message,
    smtp::{Cause, Fail, Reply, Stage},
};

/// Writes one mail after the other into a folder.
#[derive(Debug)]
pub struct FileSession {
    folder: PathBuf,
    begun: Option<(PathBuf, Vec<u8>)>,
}

impl FileSession {
    pub(crate) async fn open(folder: &Path) -> Result<Self, Fail> {
        fs::create_dir_all(folder).await.map_err(|error| failed(&error))?;
        Ok(Self { folder: folder.to_owned(), begun: None })
    }

    pub(crate) fn begin(&mut self, message: &Message) {
        self.begun = Some((self.folder.join(file_name(&message.message_id)), message.bytes.clone()));
    }

    pub(crate) async fn finish(&mut self) -> Result<Reply, Fail> {
        let Some((path, bytes)) = self.begun.take() else { return Err(Fail::new(Stage::File, Cause::Closed)) };
        write(&self.folder, &path, &bytes).await.map_err(|error| failed(&error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Reply { code: 250, lines: vec![format!("captured as {name}")] })
    }

    pub(crate) fn reset(&mut self) {
        self.begun = None;
    }
}

/// All or nothing, also when the machine loses power.
async fn write(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("tmp");
    let mut file = fs::File::create(&unfinished).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    fs::rename(&unfinished, path).await?;
    fs::File::open(folder).await?.sync_all().await
}

/// Deletes the files of these mails; those that are not there are no failure.
pub(crate) async fn forget(folder: &Path, message_ids: &[String]) -> std::io::Result<()> {
    for message_id in message_ids {
        match fs::remove_file(folder.join(file_name(message_id))).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The message id with everything but letters, digits, `-`, `_`, `@` and inner dots replaced, and `.eml`.
pub fn file_name(message_id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '@' | '.') { c } else { '_' };
    let name: String = message_id.chars().take(200).map(safe).collect();
    format!("{}.eml", name.trim_matches('.'))
}

fn failed(error: &std::io::Error) -> Fail {
    Fail::new(Stage::File, Cause::Io(error.kind()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_can_not_leave_the_folder() {
        assert_eq!(file_name("a.b-1@x.lt"), "a.b-1@x.lt.eml");
        assert_eq!(file_name("../../etc/passwd@x"), "_.._etc_passwd@x.eml");
    }
}
