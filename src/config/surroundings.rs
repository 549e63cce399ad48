//! What the configuration depends on beside its files: the command line, the environment, the
//! machine. Gathered once at the edge, so that reading stays a plain function.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::StoreAddress;
use crate::domain::text::clean;

/// The console's surroundings.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// `$ATALAYA_CONFIG`.
    pub config_variable: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME/atalaya`.
    pub config_dir: Option<PathBuf>,
    /// `$XDG_DATA_HOME/atalaya`: the store.
    pub data_dir: PathBuf,
    /// `$XDG_STATE_HOME/atalaya`: the log.
    pub state_dir: PathBuf,
    pub home: Option<PathBuf>,
    /// `--store`.
    pub store: Option<StoreAddress>,
    /// `--read-only`.
    pub read_only: bool,
    /// The operating-system user.
    pub user: String,
    /// This machine's name.
    pub host: String,
    /// Its IANA time zone.
    pub zone: Option<String>,
    pub vocabulary: Vocabulary,
}

/// Words that other rooms define; where a list is empty, any word is taken.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    pub themes: Vec<String>,
    pub tabs: Vec<String>,
    /// The names in the table of actions.
    pub actions: Vec<String>,
    /// What is wrong with a set of keys: the action, and why.
    pub check_keys: fn(&Keys) -> Vec<(String, String)>,
}

/// Action → its keys.
pub type Keys = BTreeMap<String, Vec<String>>;

impl Default for Vocabulary {
    fn default() -> Self {
        let (themes, tabs, actions) = (Vec::new(), Vec::new(), Vec::new());
        Self { themes, tabs, actions, check_keys: |_| Vec::new() }
    }
}

impl Surroundings {
    /// The store where neither `--store` nor the config names one.
    pub fn default_store(&self) -> StoreAddress {
        StoreAddress::Sqlite(self.data_dir.join("atalaya.db"))
    }

    /// Those of this process, without words of other rooms; names from the environment are made
    /// harmless. Where there is no home folder, the store and the log go to the system's folder for
    /// temporary files.
    pub fn of_process() -> Self {
        let dirs = directories::ProjectDirs::from("", "", "atalaya");
        let fallback = || std::env::temp_dir().join("atalaya");
        let data_dir = dirs.as_ref().map_or_else(fallback, |d| d.data_dir().to_owned());
        let state = dirs.as_ref().and_then(|d| d.state_dir().map(PathBuf::from));
        let name = |variable| Some(clean(&std::env::var(variable).ok()?, 60));
        let user = ["USER", "LOGNAME"].into_iter().filter_map(name).find(|u| !u.is_empty());
        let host = clean(&rustix::system::uname().nodename().to_string_lossy(), 100);
        Self {
            config: None,
            config_variable: std::env::var_os("ATALAYA_CONFIG")
                .filter(|v| !v.is_empty())
                .map(PathBuf::from),
            config_dir: dirs.as_ref().map(|d| d.config_dir().to_owned()),
            state_dir: state.unwrap_or_else(|| data_dir.clone()),
            data_dir,
            home: std::env::home_dir(),
            store: None,
            read_only: false,
            user: user.or_else(account).unwrap_or_else(|| "operator".to_owned()),
            host,
            zone: iana_time_zone::get_timezone().ok(),
            vocabulary: Vocabulary::default(),
        }
    }
}

/// The name of the account that runs this, where the environment does not say (a service, a
/// container).
fn account() -> Option<String> {
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    name_of(rustix::process::getuid().as_raw(), &accounts)
}

fn name_of(uid: u32, accounts: &str) -> Option<String> {
    let own = |line: &&str| line.split(':').nth(2).and_then(|id| id.parse().ok()) == Some(uid);
    let name = accounts.lines().find(own)?.split(':').next()?;
    Some(clean(name, 60)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_named_by_its_number() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\n\nbroken\nana:x:1000:1000::/home/ana:/bin/sh\n";
        assert_eq!(name_of(1_000, accounts).as_deref(), Some("ana"));
        assert_eq!(name_of(7, accounts), None);
    }
}
