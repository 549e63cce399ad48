//! Live reload: looks at the files every two seconds, and reads them again when one changed. By
//! stat, not by inotify: that works on every file system, and editors that replace the file are
//! seen too.

use std::time::Duration;

use super::files::{self, Stamp};
use super::{Config, Problems, Surroundings};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(2);

/// Watches the files of one configuration.
#[derive(Debug)]
pub struct Watch {
    around: Surroundings,
    patterns: Vec<std::path::PathBuf>,
    main: Option<std::path::PathBuf>,
    seen: Vec<Stamp>,
}

impl Watch {
    /// Begins with what `config` was read from.
    pub fn new(config: &Config, around: Surroundings) -> Self {
        let mut watch =
            Self { around, patterns: config.patterns.clone(), main: None, seen: Vec::new() };
        (watch.main, watch.seen) = watch.look();
        watch
    }

    /// Waits for a change and reads it: a new configuration, or what is wrong with it, in which case
    /// the old one stays in force. Cancel-safe.
    pub async fn changed(&mut self) -> Result<Box<Config>, Problems> {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Some(outcome) = self.poll() {
                return outcome;
            }
        }
    }

    /// Looks once; `None` if nothing changed since the last look.
    pub fn poll(&mut self) -> Option<Result<Box<Config>, Problems>> {
        let (main, seen) = self.look();
        if main == self.main && seen == self.seen {
            return None;
        }
        (self.main, self.seen) = (main, seen);
        let outcome = super::load(&self.around);
        if let Ok(config) = &outcome {
            self.patterns.clone_from(&config.patterns);
            self.seen = self.look().1;
        }
        Some(outcome.map(Box::new))
    }

    fn look(&self) -> (Option<std::path::PathBuf>, Vec<Stamp>) {
        let main = files::find(&self.around);
        let seen = main.as_ref().map(|m| files::stamps(m, &self.patterns)).unwrap_or_default();
        (main, seen)
    }
}
