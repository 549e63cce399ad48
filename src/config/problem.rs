//! What is wrong with a configuration, as a person wants to read it: file, line, column, the line
//! itself with a caret under the place, and the way out.
//!
//! ```text
//! config.toml:42:11  unknown source "prom-dc2" in services.signals
//!    |
//! 42 | source = "prom-dc2"
//!    |           ^^^^^^^^  defined sources: prom-dc1, am; did you mean "prom-dc1"?
//! ```

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::secrets;
use crate::domain::text::clean;

/// How much of a long source line is shown, in characters on each side of the place.
const LINE_CONTEXT: usize = 90;
/// Most errors that are told of, and most warnings.
const MOST: usize = 50;
/// What a file is where something in it is wrong.
const BROKEN: &str = "broken";
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
    /// How many it stands for.
    #[serde(skip)]
    count: usize,
    /// What is wrong with the file as a whole, in a word.
    #[serde(skip)]
    word: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
    /// A warning of what comes, not of what is written.
    #[serde(rename = "warning")]
    Ahead,
}

/// A place in a file, with the line that is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Spot {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line, what may be a secret hidden, control characters removed.
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
    /// Of each file, once one of its lines is to be shown.
    outlines: Vec<OnceCell<Outline>>,
    problems: RefCell<Vec<(Option<Place>, Problem)>>,
    /// How many errors and warnings there were, with those that are not told.
    counts: Cell<[usize; 2]>,
    asked: RefCell<Vec<String>>,
    beside: RefCell<Vec<PathBuf>>,
}

impl Report {
    pub fn new(files: Vec<SourceFile>) -> Self {
        let outlines = files.iter().map(|_| OnceCell::new()).collect();
        let (problems, counts, asked, beside) = Default::default();
        Self { files, outlines, problems, counts, asked, beside }
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

    /// Warns of what comes, such as a certificate that expires.
    pub fn foretell(&self, at: Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Ahead, Some(at), message.into(), remedy.into(), None);
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

    /// A file that is read beside those of the config: what it says is part of it.
    pub(super) fn read_beside(&self, path: PathBuf) {
        self.beside.borrow_mut().push(path);
    }

    /// The files that were read beside.
    pub(super) fn beside(&self) -> Vec<PathBuf> {
        self.beside.borrow().clone()
    }

    /// All of it, errors and warnings in the order of the files; of very many the first ones, and
    /// how many more there are.
    pub fn finish(self) -> Problems {
        let mut list = self.problems.into_inner();
        list.sort_by_key(|(at, _)| at.map(|p| (p.file, p.start)));
        let mut list: Vec<Problem> = list.into_iter().map(|(_, problem)| problem).collect();
        let [errors, warnings] = self.counts.get();
        for (severity, all) in [(Severity::Error, errors), (Severity::Warning, warnings)] {
            let more = all.saturating_sub(MOST);
            if more > 0 {
                let message = format!("and {more} more");
                list.push(Problem { severity, count: more, ..Problem::general(message, "") });
            }
        }
        Problems(list)
    }

    pub fn has_errors(&self) -> bool {
        let [errors, _] = self.counts.get();
        errors > 0
    }

    /// A remedy that is searched for only where it will be told.
    pub fn remedy(&self, search: impl FnOnce() -> String) -> String {
        let [errors, _] = self.counts.get();
        if errors < MOST { search() } else { String::new() }
    }

    fn push(
        &self,
        severity: Severity,
        at: Option<Place>,
        message: String,
        remedy: String,
        other: Option<Spot>,
    ) {
        let [errors, warnings] = self.counts.get();
        let (so_far, counts) = match severity {
            Severity::Error => (errors, [errors + 1, warnings]),
            Severity::Warning | Severity::Ahead => (warnings, [errors, warnings + 1]),
        };
        self.counts.set(counts);
        if so_far >= MOST {
            return;
        }
        let place = at.and_then(|p| self.spot(p));
        let (message, remedy) = (clean(&message, MAX_MESSAGE), clean(&remedy, MAX_MESSAGE));
        let problem = Problem { severity, place, message, remedy, other, count: 1, word: BROKEN };
        self.problems.borrow_mut().push((at, problem));
    }

    fn spot(&self, place: Place) -> Option<Spot> {
        let file = self.file(place)?;
        let outline = self.outlines.get(place.file)?.get_or_init(|| Outline::of(&file.text));
        Some(outline.spot(&file.shown, &file.text, place.start..place.end))
    }
}

impl Problem {
    /// An error that no place in a file is to blame for.
    pub fn general(message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (message, remedy) = (message.into(), remedy.into());
        let (severity, place, other) = (Severity::Error, None, None);
        Self { severity, place, message, remedy, other, count: 1, word: BROKEN }
    }

    /// The same, with the word for a place that has room for nothing else.
    pub fn in_a_word(self, word: &'static str) -> Self {
        Self { word, ..self }
    }
}

impl Problems {
    pub fn one(problem: Problem) -> Self {
        Self(vec![problem])
    }

    pub fn errors(&self) -> usize {
        self.0.iter().filter(|p| p.severity == Severity::Error).map(|p| p.count).sum()
    }

    /// Without what is only ahead: `atalaya check` alone tells of that, not every command.
    pub fn present(&self) -> Self {
        Self(self.0.iter().filter(|p| p.severity != Severity::Ahead).cloned().collect())
    }

    /// What the first error is, for a place that has room for nothing else: `gone`, or
    /// `broken: config.toml:12`.
    pub fn brief(&self) -> String {
        let first = self.0.iter().min_by_key(|p| p.severity);
        let word = first.map_or(BROKEN, |p| p.word);
        match first.and_then(|p| p.place.as_ref()) {
            Some(s) => {
                format!("{word}: {}:{}", s.file.rsplit('/').next().unwrap_or_default(), s.line)
            }
            None => word.to_owned(),
        }
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
        let word = if self.severity == Severity::Error { "" } else { "warning: " };
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

/// Where the lines of a text begin, and what of it must not be shown.
struct Outline {
    lines: Vec<usize>,
    hidden: Vec<Range<usize>>,
}

impl Outline {
    fn of(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Self { lines: std::iter::once(0).chain(breaks).collect(), hidden: secrets::hidden(text) }
    }

    /// The spot of a span: its line, and what to underline in it.
    fn spot(&self, file: &str, text: &str, span: Range<usize>) -> Spot {
        let start = floor(text, span.start.min(text.len()));
        let line = self.lines.partition_point(|l| *l <= start).max(1);
        let line_start = self.lines.get(line - 1).copied().unwrap_or_default();
        let rest = text.get(line_start..).unwrap_or_default();
        let line_end = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r').len();
        let line_end = line_start + line_end;
        let column = text.get(line_start..start).unwrap_or_default().chars().count() + 1;

        // A place in something hidden is all of it.
        let from = start.min(line_end);
        let from = self.hides(from).map_or(from, |h| h.start.max(line_start));
        let to = floor(text, span.end.clamp(from, line_end));
        let last = to.checked_sub(1).filter(|last| *last >= from).unwrap_or(from);
        let to = self.hides(last).map_or(to, |h| h.end.min(line_end)).max(from);
        // Cleaned piece by piece, so that what is removed does not shift the caret.
        let lead: Vec<char> = self.show(text, line_start..from).chars().map(tame).collect();
        let cut = lead.len().saturating_sub(LINE_CONTEXT);
        let lead: String = if cut > 0 {
            std::iter::once('…').chain(lead.iter().skip(cut).copied()).collect()
        } else {
            lead.into_iter().collect()
        };
        let piece = |range| -> String {
            self.show(text, range).chars().map(tame).take(LINE_CONTEXT).collect()
        };
        let (marked, tail) = (piece(from..to), piece(to..line_end));
        let under = (lead.width(), marked.width().max(1));
        let text = format!("{lead}{marked}{tail}").trim_end().to_owned();
        Spot { file: file.to_owned(), line, column, text, under }
    }

    /// The hidden stretch that byte `at` is in.
    fn hides(&self, at: usize) -> Option<&Range<usize>> {
        let next = self.hidden.partition_point(|h| h.end <= at);
        self.hidden.get(next).filter(|h| h.contains(&at))
    }

    /// A stretch of the text with `…` for everything hidden.
    fn show(&self, text: &str, range: Range<usize>) -> String {
        let (mut out, mut done) = (String::new(), range.start);
        let first = self.hidden.partition_point(|h| h.end <= range.start);
        for h in self.hidden.iter().skip(first).take_while(|h| h.start < range.end) {
            out += text.get(done..h.start.max(done)).unwrap_or_default();
            out.push('…');
            done = h.end.min(range.end);
        }
        out + text.get(done..range.end).unwrap_or_default()
    }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}

fn tame(c: char) -> char {
    let mut buffer = [0; 4];
    if c == '\t' || clean(c.encode_utf8(&mut buffer), 2).is_empty() { ' ' } else { c }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(text: &str, span: Range<usize>) -> Spot {
        Outline::of(text).spot("x.toml", text, span)
    }

    #[test]
    fn the_caret_stands_under_the_place_in_cells_not_bytes() {
        let text = "a = 1\nname = \"日本\" # bad\n";
        let start = text.find("bad").unwrap();
        let s = spot(text, start..start + 3);
        assert_eq!((s.line, s.column, s.under), (2, 15, (16, 3)));
    }

    #[test]
    fn the_caret_stands_under_the_place_beside_and_on_what_is_hidden() {
        let text = "[[sources]]\nauth = { berer = \"hunter2\", x = \"y\" }\n";
        let at = |what: &str| text.find(what).unwrap();
        let beside = spot(text, at("x =")..at("x =") + 1);
        assert_eq!(beside.text, "auth = { berer = …, x = … }");
        assert_eq!((beside.column, beside.under), (29, (20, 1)));
        let on = spot(text, at("hunter2")..at("hunter2") + 7);
        assert_eq!((on.column, on.under), (19, (17, 1)));
    }

    proptest::proptest! {
        #[test]
        fn any_span_in_any_text_has_a_spot(text in "\\PC*\n?\\PC*", a in 0_usize..80, b in 0_usize..80) {
            let s = spot(&text, a.min(b)..a.max(b));
            proptest::prop_assert!(s.line >= 1 && s.column >= 1 && s.under.1 >= 1);
        }
    }
}
