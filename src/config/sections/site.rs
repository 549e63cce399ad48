//! `[site]`, `[store]`, `[operator]`, `[health]`: which installation this is and who works at it.

use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use chrono_tz::Tz;

use crate::config::reader::{Section, Text};
use crate::config::{Locale, StoreAddress, Surroundings};
use crate::domain::text::clean;
use crate::engine::Site;

/// `[site]`.
pub fn site(section: Option<Section<'_>>, around: &Surroundings) -> (Site, Locale) {
    let default_zone = || around.zone.as_deref().and_then(|z| z.parse().ok()).unwrap_or(Tz::UTC);
    let name = around.host.clone();
    let mut site = Site { name, zone: default_zone(), command: command(around), ..Site::default() };
    let mut locale = Locale::default();
    if let Some(s) = section {
        if let Some(name) = s.filled("name") {
            site.name = clean(name.value, 60);
        }
        if let Some(zone) = s.zone("timezone") {
            site.zone = zone;
        }
        locale = s.word("locale", &Locale::WORDS).unwrap_or_default();
        s.finish();
    }
    (site, locale)
}

/// What opens a console on the same config and the same store, wherever somebody types it.
fn command(around: &Surroundings) -> String {
    let mut words = vec!["atalaya".to_owned()];
    if let Some(path) = around.config.as_ref().or(around.config_variable.as_ref()) {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        words.extend(["--config".to_owned(), quoted(&path.to_string_lossy())]);
    }
    if let Some(StoreAddress::Sqlite(path)) = &around.store {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        words.extend(["--store".to_owned(), quoted(&path.to_string_lossy())]);
    }
    words.join(" ")
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    let text = clean(text, 4_096);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// `[store]`.
pub fn store(section: Option<Section<'_>>, around: &Surroundings) -> StoreAddress {
    let mut address = None;
    if let Some(s) = section {
        if let Some(url) = s.filled("url") {
            let folder = s.report().file(url.at).and_then(|f| f.path.parent());
            match store_address(url.value, folder) {
                Ok(a) => address = Some(a),
                Err((message, remedy)) => s.report().error(url.at, message, remedy),
            }
        }
        s.finish();
    }
    address.unwrap_or_else(|| around.default_store())
}

/// Reads a store's address: `sqlite:///path`, a bare path, or `sqlite::memory:`. The error is a
/// message and a remedy.
pub fn store_address(
    text: &str,
    relative_to: Option<&Path>,
) -> Result<StoreAddress, (String, String)> {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let message = "a shared store on PostgreSQL comes with a later version".to_owned();
        return Err((message, "use sqlite:///path/atalaya.db, or leave it out".to_owned()));
    }
    if matches!(text, "sqlite::memory:" | ":memory:") {
        return Ok(StoreAddress::Memory);
    }
    let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
    let path = match path {
        Some(path) => path,
        None if text.contains("://") => {
            let scheme = text.split("://").next().unwrap_or_default();
            let message = format!("\"{}\" is not a store", clean(scheme, 40));
            return Err((message, "write it as sqlite:///path/atalaya.db".to_owned()));
        }
        None => text,
    };
    let path = path.split('?').next().unwrap_or_default();
    if path.is_empty() {
        let message = "this store has no path".to_owned();
        return Err((message, "write it as sqlite:///path/atalaya.db".to_owned()));
    }
    let path = match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => relative_to.map_or_else(|| PathBuf::from(path), |folder| folder.join(path)),
    };
    Ok(StoreAddress::Sqlite(path))
}

/// `[operator]`: who acts at this console, and which of the people that is.
pub fn operator<'a>(
    section: Option<Section<'a>>,
    around: &Surroundings,
) -> (String, Option<Text<'a>>) {
    let (mut name, mut person) = (around.user.clone(), None);
    if let Some(s) = section {
        person = s.filled("person");
        if let Some(text) = s.filled("name") {
            let named = clean(text.value, 60);
            if named.is_empty() {
                s.report().error(text.at, "operator.name has nothing that can be shown", "");
            }
            name = named;
        }
        s.finish();
    }
    (name, person)
}

/// `[health]`: how long history is kept.
pub fn history(section: Option<Section<'_>>) -> TimeDelta {
    let mut history = TimeDelta::hours(6);
    if let Some(s) = section {
        let range = TimeDelta::minutes(5)..=TimeDelta::days(30);
        history = s.duration("history", range).unwrap_or(history);
        s.finish();
    }
    history
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("sqlite:///var/lib/a.db", "/var/lib/a.db")]
    #[case("/var/lib/a.db", "/var/lib/a.db")]
    #[case("sqlite:a.db", "/etc/atalaya/a.db")]
    #[case("sqlite:///var/lib/a.db?mode=rwc", "/var/lib/a.db")]
    fn a_store_is_an_sqlite_file(#[case] text: &str, #[case] expect: &str) {
        let address = store_address(text, Some(Path::new("/etc/atalaya"))).unwrap();
        assert_eq!(address, StoreAddress::Sqlite(PathBuf::from(expect)));
    }

    #[rstest]
    #[case("postgres://ana@db/atalaya", "later version")]
    #[case("mysql://db/atalaya", "not a store")]
    #[case("sqlite://", "no path")]
    fn any_other_store_says_what_to_write(#[case] text: &str, #[case] expect: &str) {
        let (message, remedy) = store_address(text, None).unwrap_err();
        assert!(message.contains(expect) && remedy.contains("sqlite:///"), "{message}: {remedy}");
    }
}
