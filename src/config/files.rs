//! Which files there are: the one that applies, and those that it includes.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::problem::{Problem, Problems, Report, SourceFile, shown};
use super::tree::{self, Table, Value};
use super::{Surroundings, reader::Section};
use crate::config::problem::Place;

/// Largest file that is read, in bytes.
const MAX_FILE: u64 = 1024 * 1024;
/// Most files that one `include` may name.
const MAX_FILES: usize = 1_000;

/// The main file: `--config`, `$ATALAYA_CONFIG`, the user's, the system's. `None`: there is none,
/// which is fine unless one was asked for.
pub fn find(around: &Surroundings) -> Option<PathBuf> {
    if let Some(asked) = around.config.as_ref().or(around.config_variable.as_ref()) {
        return Some(asked.clone());
    }
    let user = around.config_dir.as_ref().map(|d| d.join("config.toml"));
    user.into_iter().chain([PathBuf::from("/etc/atalaya/config.toml")]).find(|p| p.exists())
}

/// What was read: the report that knows the files, the merged table, and what `include` said.
pub struct Files {
    pub report: Report,
    pub root: Table,
    /// Some of it is not TOML.
    pub broken: bool,
    /// Patterns with the folder that they are relative to.
    pub patterns: Vec<PathBuf>,
}

/// Reads the main file and what it includes. Fails only where nothing can be read at all.
pub fn read(main: &Path, around: &Surroundings) -> Result<Files, Problems> {
    let home = around.home.as_deref();
    let first = read_one(main, home).map_err(|why| {
        let asked = around.config.is_some() || around.config_variable.is_some();
        let remedy = if asked {
            "check --config and $ATALAYA_CONFIG, or write one with `atalaya init`"
        } else {
            "make it readable, or name another with --config"
        };
        Problems::one(Problem::general(why, remedy).in_a_word("unreadable"))
    })?;
    // The first file is parsed twice: once for what it includes, once with all files known.
    let alone = Report::new(vec![first]);
    let table = tree::parse(&alone, 0);
    let patterns = include_patterns(&alone, &table);
    let Some(first) = alone.into_files().into_iter().next() else {
        return Err(Problems::default());
    };
    let mut files = vec![first];
    let mut unread = Vec::new();
    for (pattern, at) in &patterns {
        let found = expand(pattern);
        if found.is_empty() {
            let plain = !has_wildcard(&pattern.to_string_lossy());
            unread.push((*at, format!("no file matches {}", shown(pattern, home)), plain));
        }
        for path in found.into_iter().filter(|p| p != main) {
            match read_one(&path, home) {
                Ok(_) if files.iter().any(|f| f.path == path) => {}
                Ok(file) => files.push(file),
                Err(why) => unread.push((*at, why, true)),
            }
        }
    }
    let report = Report::new(files);
    let parts: Vec<Table> =
        (0..report.files().len()).map(|number| tree::parse(&report, number)).collect();
    let broken = report.has_errors();
    let mut root = Table::default();
    for (number, mut part) in parts.into_iter().enumerate() {
        part.0.retain(|entry| {
            let nested = number > 0 && entry.key == "include";
            if nested {
                report.error(
                    entry.at.0,
                    "an included file cannot include others",
                    "list all files in the main one",
                );
            }
            !nested
        });
        tree::merge(&report, &mut root, part);
    }
    for (at, why, fatal) in unread {
        let remedy = "paths are relative to the file that names them";
        if fatal { report.error(at, why, remedy) } else { report.warn(at, why, remedy) }
    }
    Ok(Files { report, root, broken, patterns: patterns.into_iter().map(|p| p.0).collect() })
}

fn include_patterns(report: &Report, table: &Table) -> Vec<(PathBuf, Place)> {
    let root = Section::new("", Place { file: 0, start: 0, end: 0 }, table, report);
    let Some(entry) = table.get("include") else { return Vec::new() };
    if !matches!(entry.node.value, Value::List(_) | Value::Text(_)) {
        return Vec::new();
    }
    let texts = root.texts("include").unwrap_or_default();
    texts.into_iter().map(|t| (root.path_of(t), t.at)).collect()
}

fn read_one(path: &Path, home: Option<&Path>) -> Result<SourceFile, String> {
    let name = shown(path, home);
    let failed = |e: &dyn std::fmt::Display| format!("{name} cannot be read: {e}");
    let meta = fs::metadata(path).map_err(|e| failed(&e))?;
    if !meta.is_file() {
        return Err(failed(&"it is not a file"));
    }
    let file = fs::File::open(path).map_err(|e| failed(&e))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| failed(&e))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(failed(&"it is larger than 1 MiB, which no configuration is"));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed(&"it is not UTF-8 text"))?;
    let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
    let open_to_others = meta.permissions().mode() & 0o044 != 0;
    Ok(SourceFile { path: path.to_owned(), shown: name, text, open_to_others })
}

/// What a file looks like from outside: path, inode, size, modification time in nanoseconds.
pub type Stamp = (PathBuf, u64, u64, i128);

/// The stamps of the main file and everything that the patterns name now; a file that is gone has
/// none.
pub fn stamps(main: &Path, patterns: &[PathBuf]) -> Vec<Stamp> {
    let included = patterns.iter().flat_map(|p| expand(p));
    std::iter::once(main.to_owned())
        .chain(included)
        .filter_map(|path| {
            let meta = fs::metadata(&path).ok()?;
            let at = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
            Some((path, meta.ino(), meta.len(), at))
        })
        .collect()
}

/// The files that a pattern names, sorted. `*` and `?` stand for anything but `/`; hidden files are
/// only found by a pattern that begins with a dot.
pub fn expand(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let part = part.as_os_str().to_string_lossy();
        if !has_wildcard(&part) {
            for path in &mut found {
                path.push(part.as_ref());
            }
            continue;
        }
        found = found.iter().flat_map(|folder| matching(folder, &part)).collect();
    }
    found.retain(|p| p.is_file());
    found.sort();
    found.truncate(MAX_FILES);
    found
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn matching(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries
        .flatten()
        .filter(|e| {
            let name = e.file_name();
            let name = name.to_string_lossy();
            (!name.starts_with('.') || pattern.starts_with('.')) && wild(pattern, &name)
        })
        .map(|e| e.path())
        .collect()
}

/// Whether a name matches a pattern of `*` and `?`. Linear in the product of both lengths.
fn wild(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    // Which lengths of the name the pattern read so far can match.
    let mut reach: Vec<bool> = (0..=name.len()).map(|i| i == 0).collect();
    for p in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        let mut any = false;
        for (i, slot) in next.iter_mut().enumerate() {
            let here = reach.get(i).copied().unwrap_or(false);
            let before = i.checked_sub(1);
            let step = before.and_then(|b| reach.get(b)).copied().unwrap_or(false);
            any |= here;
            *slot = match p {
                '*' => any,
                '?' => step,
                c => step && before.and_then(|b| name.get(b)) == Some(&c),
            };
        }
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("*.toml", "plan.toml", true)]
    #[case("*.toml", "plan.toml~", false)]
    #[case("1?-*", "10-services.toml", true)]
    #[case("*", "", true)]
    #[case("a*b*c", "axxbyyc", true)]
    #[case("a*b*c", "axxbyy", false)]
    fn patterns_match_as_in_a_shell(#[case] p: &str, #[case] name: &str, #[case] expect: bool) {
        assert_eq!(wild(p, name), expect);
    }

    #[rstest]
    #[case("c.toml", "plan.d/*.toml")]
    #[case("inc/c.toml", "inc/plan.d/*.toml")]
    #[case("./inc/c.toml", "./inc/plan.d/*.toml")]
    #[case("/etc/atalaya/c.toml", "/etc/atalaya/plan.d/*.toml")]
    fn included_files_are_looked_for_once_beside_the_file_that_names_them(
        #[case] main: &str,
        #[case] expect: &str,
    ) {
        let report = Report::new(vec![SourceFile {
            path: PathBuf::from(main),
            shown: main.to_owned(),
            text: "include = [\"plan.d/*.toml\"]\n".to_owned(),
            open_to_others: false,
        }]);
        let patterns = include_patterns(&report, &tree::parse(&report, 0));
        let patterns: Vec<&Path> = patterns.iter().map(|(p, _)| p.as_path()).collect();
        assert_eq!(patterns, [Path::new(expect)]);
    }
}
