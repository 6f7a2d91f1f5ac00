//! The folder of a demo: whose it is, and what has to be remembered to start it again.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{open, output::usage};

/// What is remembered between two starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct State {
    /// The moment that the sample data leads up to.
    pub made_at: DateTime<Utc>,
    /// Whether all of it is there.
    pub complete: bool,
    /// Who may log in.
    pub email: String,
    /// With what.
    pub password: String,
    /// For the API.
    pub api_key: String,
}

/// The folder of a demo.
#[derive(Debug, Clone)]
pub struct Folder(pub PathBuf);

impl Folder {
    fn file(&self) -> PathBuf {
        self.0.join("demo.json")
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.0.join("hearback.db")
    }

    /// What was remembered. A folder with a database that is not a demo's is refused: it may be somebody's real data.
    pub fn read(&self) -> anyhow::Result<Option<State>> {
        if !self.file().exists() {
            if self.database().exists() {
                let folder = self.0.display();
                return Err(usage(format!("`{folder}` has a database that is not a demo's; choose another folder with --dir")));
            }
            return Ok(None);
        }
        let text = std::fs::read_to_string(self.file()).with_context(|| format!("can't read `{}`", self.file().display()))?;
        let state = serde_json::from_str(&text)
            .with_context(|| format!("`{}` is damaged; delete the folder `{}` to start afresh", self.file().display(), self.0.display()))?;
        Ok(Some(state))
    }

    /// Remembers.
    pub fn write(&self, state: &State) -> anyhow::Result<()> {
        open::private_folder(&self.0)
            .with_context(|| format!("can't make the folder `{}`; choose another with --dir", self.0.display()))?;
        let text = serde_json::to_vec_pretty(state)?;
        open::private_file(&self.file(), &text).with_context(|| format!("can't write `{}`", self.file().display()))
    }

    /// Takes away what an interrupted start left behind. Only files that a demo makes.
    pub fn clear(&self) -> anyhow::Result<()> {
        for name in ["hearback.db", "hearback.db-wal", "hearback.db-shm"] {
            remove(&self.0.join(name), |path| std::fs::remove_file(path))?;
        }
        remove(&self.0.join("mail"), |path| std::fs::remove_dir_all(path))
    }
}

fn remove(path: &Path, how: impl Fn(&Path) -> std::io::Result<()>) -> anyhow::Result<()> {
    match how(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(anyhow::Error::new(error).context(format!("can't remove `{}`", path.display())))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_database_is_never_taken_for_a_demo() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder(dir.path().to_owned());
        assert!(folder.read().unwrap().is_none());
        std::fs::write(folder.database(), "real").unwrap();
        assert!(folder.read().unwrap_err().to_string().contains("not a demo's"));
        let state = State { made_at: DateTime::UNIX_EPOCH, complete: false, email: "e".into(), password: "p".into(), api_key: "k".into() };
        folder.write(&state).unwrap();
        assert_eq!(folder.read().unwrap().unwrap().password, "p");
        folder.clear().unwrap();
        assert!(!folder.database().exists() && folder.read().unwrap().is_some());
    }
}
