//! Live reload: looks at the files every two seconds, and reads them again when they changed and
//! have come to rest. By stat, not by inotify: that works on every file system, and editors that
//! replace the file are seen too.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, thread};

use chrono::Utc;

use super::files::{self, Stamp};
use super::problem::{Problem, shown};
use super::{Config, Problems, Surroundings};

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(2);
/// How long they must not have changed before they are read: somebody may still be writing.
const REST: Duration = Duration::from_secs(1);

/// Watches the files of one configuration.
#[derive(Debug)]
pub struct Watch {
    around: Surroundings,
    patterns: Vec<PathBuf>,
    /// The main file in force.
    main: Option<PathBuf>,
    /// The files as they were when they were read.
    read: Look,
    /// The files at the last look.
    last: Look,
}

type Look = (Option<PathBuf>, Vec<Stamp>);

impl Watch {
    /// Begins with what `config` was read from.
    pub fn new(config: &Config, around: Surroundings) -> Self {
        let mut watch = Self {
            around,
            patterns: config.patterns.clone(),
            main: config.files.first().cloned(),
            read: Look::default(),
            last: Look::default(),
        };
        watch.read = watch.look();
        watch.last = watch.read.clone();
        watch
    }

    /// Blocks until there is a change and reads it: a new configuration, or what is wrong with it, in
    /// which case the old one stays in force.
    pub fn changed(&mut self) -> Result<Box<Config>, Problems> {
        loop {
            thread::sleep(if self.last == self.read { EVERY } else { REST });
            if let Some(outcome) = self.poll() {
                return outcome;
            }
        }
    }

    /// Looks once; `None` if nothing changed since the files were read, or if they changed since the
    /// last look.
    pub fn poll(&mut self) -> Option<Result<Box<Config>, Problems>> {
        let now = self.look();
        let at_rest = now == self.last;
        self.last.clone_from(&now);
        if now == self.read || !at_rest {
            return None;
        }
        self.read = now;
        if let Some(lost) = self.main.as_deref().and_then(|main| self.lost(main)) {
            return Some(Err(Problems::one(lost)));
        }
        let outcome = super::load(&self.around, Utc::now());
        if let Ok(config) = &outcome {
            self.main = config.files.first().cloned();
            if self.patterns != config.patterns {
                self.patterns.clone_from(&config.patterns);
                self.read = self.look();
                self.last.clone_from(&self.read);
            }
        }
        Some(outcome.map(Box::new))
    }

    /// Why the main file cannot be meant to be like this. Without it another file, or none, would
    /// apply, and everything that it watches would vanish.
    fn lost(&self, main: &Path) -> Option<Problem> {
        // What else may be wrong with it is told by reading it.
        let what = match fs::read(main) {
            Ok(bytes) if bytes.trim_ascii().is_empty() => "empty",
            Err(_) if !main.exists() => "gone",
            // What else is wrong with it is told by reading it.
            _ => return None,
        };
        let name = shown(main, self.around.home.as_deref());
        let problem = Problem::general(
            format!("{name} is {what}; the old configuration stays in force"),
            "put the file back, or restart to do without it",
        );
        Some(problem.in_a_word(what))
    }

    fn look(&self) -> Look {
        let main = files::find(&self.around);
        let stamps = main.as_ref().map(|m| files::stamps(m, &self.patterns)).unwrap_or_default();
        (main, stamps)
    }
}
