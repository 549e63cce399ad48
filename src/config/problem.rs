//! What is wrong with a configuration, as a person wants to read it: file, line, column, the line
//! itself with a caret under the place, and the way out.
//!
//! ```text
//! config.toml:42:11  unknown source "prom-dc2" in services.signals
//!    |
//! 42 | source = "prom-dc2"
//!    |           ^^^^^^^^  defined sources: prom-dc1, am; did you mean "prom-dc1"?
//! ```

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::domain::text::clean;

/// How much of a long source line is shown, in characters on each side of the place.
const LINE_CONTEXT: usize = 90;
/// Longest message or remedy, in characters.
const MAX_MESSAGE: usize = 600;

/// One thing that is wrong, or worth a warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub severity: Severity,
    /// Where; `None` where no file is to blame.
    pub place: Option<Spot>,
    pub message: String,
    /// What to do about it; may be empty.
    pub remedy: String,
    /// The other place of a clash.
    pub other: Option<Spot>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// A place in a file, with the line that is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Spot {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line, secrets masked, control characters removed.
    pub text: String,
    /// Cells before the underline, and its width.
    #[serde(skip)]
    under: (usize, usize),
}

/// Everything that is wrong, in the order of the files. As an error: the config cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

/// A file that was read.
pub struct SourceFile {
    pub path: PathBuf,
    /// As it is written in messages.
    pub shown: String,
    pub text: String,
    /// Users other than its owner may read it.
    pub open_to_others: bool,
}

/// A stretch of a file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index into the files that were read.
    pub file: usize,
    pub start: usize,
    pub end: usize,
}

/// Collects problems while the files are read, so that all of them are told at once.
pub struct Report {
    files: Vec<SourceFile>,
    problems: RefCell<Vec<(Option<Place>, Problem)>>,
    asked: RefCell<Vec<String>>,
}

impl Report {
    pub fn new(files: Vec<SourceFile>) -> Self {
        Self { files, problems: RefCell::default(), asked: RefCell::default() }
    }

    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    pub fn into_files(self) -> Vec<SourceFile> {
        self.files
    }

    pub fn file(&self, place: Place) -> Option<&SourceFile> {
        self.files.get(place.file)
    }

    /// The text of a place.
    pub fn raw(&self, place: Place) -> &str {
        self.file(place).and_then(|f| f.text.get(place.start..place.end)).unwrap_or_default()
    }

    pub fn error(&self, at: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Error, Some(at), message.into(), remedy.into(), None);
    }

    pub fn warn(&self, at: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Warning, Some(at), message.into(), remedy.into(), None);
    }

    /// Two places that cannot both be.
    pub fn clash(&self, at: Place, first: Place, message: impl Into<String>, remedy: &str) {
        let other = self.spot(first);
        self.push(Severity::Error, Some(at), message.into(), remedy.to_owned(), other);
    }

    /// A key that the reader knows: what is not in here is not a key. For the test that the example
    /// is complete.
    pub(super) fn ask(&self, section: &str, key: &str) {
        if cfg!(test) {
            self.asked.borrow_mut().push(format!("{section} {key}"));
        }
    }

    #[cfg(test)]
    pub(super) fn asked(&self) -> std::collections::BTreeSet<String> {
        self.asked.borrow().iter().cloned().collect()
    }

    /// All of it, errors and warnings in the order of the files.
    pub fn finish(self) -> Problems {
        let mut list = self.problems.into_inner();
        list.sort_by_key(|(at, _)| at.map(|p| (p.file, p.start)));
        Problems(list.into_iter().map(|(_, problem)| problem).collect())
    }

    pub fn has_errors(&self) -> bool {
        self.problems.borrow().iter().any(|(_, p)| p.severity == Severity::Error)
    }

    fn push(
        &self,
        severity: Severity,
        at: Option<Place>,
        message: String,
        remedy: String,
        other: Option<Spot>,
    ) {
        let place = at.and_then(|p| self.spot(p));
        let (message, remedy) = (clean(&message, MAX_MESSAGE), clean(&remedy, MAX_MESSAGE));
        let problem = Problem { severity, place, message, remedy, other };
        self.problems.borrow_mut().push((at, problem));
    }

    fn spot(&self, place: Place) -> Option<Spot> {
        let file = self.file(place)?;
        Some(spot(&file.shown, &file.text, place.start..place.end))
    }
}

impl Problem {
    /// An error that no place in a file is to blame for.
    pub fn general(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (message, remedy) = (message.into(), remedy.into());
        Self { severity: Severity::Error, place: None, message, remedy, other: None }
    }
}

impl Problems {
    pub fn one(problem: Problem) -> Self {
        Self(vec![problem])
    }

    pub fn errors(&self) -> usize {
        self.0.iter().filter(|p| p.severity == Severity::Error).count()
    }

    /// Where the first error is, for a place that has room for nothing else: `config.toml:12`.
    pub fn place(&self) -> String {
        let place = self.0.iter().min_by_key(|p| p.severity).and_then(|p| p.place.as_ref());
        place.map_or_else(
            || "config".to_owned(),
            |s| format!("{}:{}", s.file.rsplit('/').next().unwrap_or_default(), s.line),
        )
    }

    /// The first error in one line, for a place that has no room for more.
    pub fn headline(&self) -> String {
        let first = self.0.iter().min_by_key(|p| p.severity);
        let more = self.errors().saturating_sub(1);
        let line = first.map_or_else(String::new, |p| match &p.place {
            Some(s) => format!("{}:{}:{} {}", s.file, s.line, s.column, p.message),
            None => p.message.clone(),
        });
        if more == 0 { line } else { format!("{line} (and {more} more)") }
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.severity == Severity::Warning { "warning: " } else { "" };
        let Some(spot) = &self.place else {
            writeln!(f, "{word}{}", self.message)?;
            return if self.remedy.is_empty() { Ok(()) } else { writeln!(f, "  {}", self.remedy) };
        };
        writeln!(f, "{}:{}:{}  {word}{}", spot.file, spot.line, spot.column, self.message)?;
        spot.draw(f, &self.remedy)?;
        if let Some(other) = &self.other {
            writeln!(f, "  first here: {}:{}:{}", other.file, other.line, other.column)?;
            other.draw(f, "")?;
        }
        Ok(())
    }
}

impl Spot {
    fn draw(&self, f: &mut fmt::Formatter<'_>, note: &str) -> fmt::Result {
        let number = self.line.to_string();
        let (gap, caret) = (" ".repeat(number.len()), "^".repeat(self.under.1));
        writeln!(f, "{gap} |")?;
        writeln!(f, "{number} | {}", self.text)?;
        let line = format!("{gap} | {}{caret}  {note}", " ".repeat(self.under.0));
        writeln!(f, "{}", line.trim_end())
    }
}

/// How a path is written in messages: as given, but relative to the home folder as `~`.
pub fn shown(path: &Path, home: Option<&Path>) -> String {
    let inside = home.and_then(|h| path.strip_prefix(h).ok());
    let text = match inside {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    };
    clean(&text, 300)
}

/// The spot of a span: its line, and what to underline in it.
fn spot(file: &str, text: &str, span: Range<usize>) -> Spot {
    let start = floor(text, span.start.min(text.len()));
    let before = text.get(..start).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    let rest = text.get(line_start..).unwrap_or_default();
    let line = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let masked = mask(line);
    let from = (start - line_start).min(masked.len());
    let to = floor(&masked, span.end.saturating_sub(line_start).clamp(from, masked.len()));
    let (lead, marked, tail) = (
        masked.get(..from).unwrap_or_default(),
        masked.get(from..to).unwrap_or_default(),
        masked.get(to..).unwrap_or_default(),
    );
    let column = text.get(line_start..start).unwrap_or_default().chars().count() + 1;
    // Cleaned piece by piece, so that what is removed does not shift the caret.
    let lead: Vec<char> = lead.chars().map(tame).collect();
    let cut = lead.len().saturating_sub(LINE_CONTEXT);
    let lead: String = if cut > 0 {
        std::iter::once('…').chain(lead.iter().skip(cut).copied()).collect()
    } else {
        lead.into_iter().collect()
    };
    let marked: String = marked.chars().map(tame).take(LINE_CONTEXT).collect();
    let tail: String = tail.chars().map(tame).take(LINE_CONTEXT).collect();
    let under = (lead.width(), marked.width().max(1));
    let text = format!("{lead}{marked}{tail}").trim_end().to_owned();
    let line = before.matches('\n').count() + 1;
    Spot { file: file.to_owned(), line, column, text, under }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

fn tame(c: char) -> char {
    let mut buffer = [0; 4];
    if c == '\t' || clean(c.encode_utf8(&mut buffer), 2).is_empty() { ' ' } else { c }
}

/// Replaces what may be a secret by stars of the same length, so that columns stay right: the value
/// of keys that hold secrets, and credentials inside addresses.
fn mask(line: &str) -> String {
    static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let keys = r#"(?i)\b(?:password|bearer|token|secret|value|api_?key)["']?\s*=\s*"#;
        let values = r#"(?:"([^"]*)"?|'([^']*)'?)"#;
        Regex::new(&format!("{keys}{values}|://([^/@\\s\"']+)@")).ok()
    });
    let Some(pattern) = SECRETS.as_ref() else { return String::new() };
    let mut out = line.to_owned();
    for found in pattern.captures_iter(line) {
        for group in found.iter().skip(1).flatten() {
            out.replace_range(group.range(), &"*".repeat(group.len()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("password = \"hunter2\"", "password = \"*******\"")]
    #[case("auth = { bearer = 'abc', x = 1 }", "auth = { bearer = '***', x = 1 }")]
    #[case("url = \"http://ana:pw@host/\"", "url = \"http://******@host/\"")]
    #[case(
        "header = { name = \"X\", value = \"s3cret\" }",
        "header = { name = \"X\", value = \"******\" }"
    )]
    #[case("password = \"never closed", "password = \"************")]
    #[case("bearer_file = \"/run/token\"", "bearer_file = \"/run/token\"")]
    fn a_secret_in_the_shown_line_is_masked(#[case] line: &str, #[case] expect: &str) {
        assert_eq!(mask(line), expect);
    }

    #[test]
    fn the_caret_stands_under_the_place_in_cells_not_bytes() {
        let text = "a = 1\nname = \"日本\" # bad\n";
        let start = text.find("bad").unwrap();
        let s = spot("x.toml", text, start..start + 3);
        assert_eq!((s.line, s.column, s.under), (2, 15, (16, 3)));
    }

    proptest::proptest! {
        #[test]
        fn any_span_in_any_text_has_a_spot(text in "\\PC*\n?\\PC*", a in 0_usize..80, b in 0_usize..80) {
            let s = spot("f", &text, a.min(b)..a.max(b));
            proptest::prop_assert!(s.line >= 1 && s.column >= 1 && s.under.1 >= 1);
        }
    }
}
