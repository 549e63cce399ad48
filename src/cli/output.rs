//! What commands print: tables for people, versioned JSON for scripts, exit codes for both.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{LazyLock, OnceLock};

use regex::Regex;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use crate::config::Colour;
use crate::domain::health::State;
use crate::domain::text::{clean, clean_text, is_hostile};

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Fine,
    /// Refused, or problems were found.
    Problems,
    /// Wrong usage or a config that cannot be used.
    Usage,
    /// Something that it needs could not be reached.
    Unreachable,
    /// The convention of monitoring plug-ins, for `health`.
    Plugin(State),
    /// What the console ends with.
    Code(u8),
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Fine | Self::Plugin(State::Ok | State::Maintenance) => 0,
            Self::Problems | Self::Plugin(State::Warning) => 1,
            Self::Usage | Self::Plugin(State::Critical) => 2,
            Self::Unreachable | Self::Plugin(State::Unknown) => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The version of every JSON document.
const VERSION: u32 = 1;

/// A document: its version beside its fields.
#[derive(Serialize)]
struct Versioned<T> {
    version: u32,
    #[serde(flatten)]
    fields: T,
}

/// Where and how to print.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    pub json: bool,
    coloured: bool,
}

impl Output {
    /// Colours only where a terminal reads and nobody asked for none.
    pub fn new(json: bool, colour: Colour) -> Self {
        let unset = std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        let coloured = match colour {
            Colour::Off => false,
            Colour::Auto => unset && !dumb && io::stdout().is_terminal(),
            _ => true,
        };
        Self { json, coloured }
    }

    /// A word in the colour of a state.
    pub fn state(self, state: State, text: &str) -> String {
        let code = match state {
            State::Critical => "31;1",
            State::Warning => "33",
            State::Unknown => "35",
            State::Maintenance => "34",
            State::Ok => "32",
        };
        if self.coloured { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Prints to standard output, what could harm a terminal taken out but for the colours of
/// [`Output::state`]. A reader that went away (`| head`) is no error.
pub fn print(text: &str) {
    print_as_is(&harmless(text));
}

/// Prints what was made here, and not for a terminal.
pub fn print_as_is(text: &str) {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            let _ = UNWRITTEN.set(e.to_string());
        }
        _ => {}
    }
}

/// Why something could not be printed.
static UNWRITTEN: OnceLock<String> = OnceLock::new();

/// How a command ended that believes it ended so: what it has to say may not have been written.
pub fn written(exit: Exit) -> Exit {
    let Some(why) = UNWRITTEN.get() else { return exit };
    complain(&format!("standard output cannot be written: {why}"));
    if exit.code() == 0 { Exit::Problems } else { exit }
}

/// The last line of defence: texts are cleaned where they come in, but what is in a store may have
/// come another way.
fn harmless(text: &str) -> String {
    static OWN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"\x1b\[(?:31;1|3[2-5]|0)m").ok());
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for own in OWN.iter().flat_map(|own| own.find_iter(text)) {
        out += &clean_text(text.get(done..own.start()).unwrap_or_default(), usize::MAX);
        out += own.as_str();
        done = own.end();
    }
    out + &clean_text(text.get(done..).unwrap_or_default(), usize::MAX)
}

/// Prints a document of the documented fields, with its version.
pub fn document(fields: &impl Serialize) {
    print_json(&Versioned { version: VERSION, fields });
}

/// Prints a document that has its version already.
pub fn print_json(document: &impl Serialize) {
    match escaped(document) {
        Ok(text) => print_as_is(&format!("{text}\n")),
        Err(e) => complain(&format!("this cannot be written as JSON: {e}")),
    }
}

/// Indented JSON, in which everything that could harm a terminal is written as `\uXXXX`.
fn escaped(document: &impl Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_string_pretty(document)?;
    // Outside its strings JSON has nothing of the kind but line breaks.
    let is_raw = |c: char| c != '\n' && (is_hostile(c) || matches!(c, '\u{2028}' | '\u{2029}'));
    if !json.contains(is_raw) {
        return Ok(json);
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_raw(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Ok(out)
}

/// Prints to standard error, what could harm a terminal taken out.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", clean_text(text.trim_end(), usize::MAX));
}

/// Rows under headings, columns as wide as their widest cell, the last one not padded. A cell may
/// carry a state, which only colours it.
pub struct Table {
    headings: &'static [&'static str],
    rows: Vec<Vec<Cell>>,
}

pub struct Cell {
    text: String,
    state: Option<State>,
    right: bool,
}

impl Cell {
    /// In one line, whatever the text was.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self { text: clean(text.as_ref(), usize::MAX), state: None, right: false }
    }

    /// Numbers stand at the right.
    pub fn number(text: impl AsRef<str>) -> Self {
        Self { right: true, ..Self::text(text) }
    }

    pub fn state(state: State) -> Self {
        Self { state: Some(state), ..Self::text(state.word()) }
    }

    pub fn coloured(state: State, text: impl AsRef<str>) -> Self {
        Self { state: Some(state), ..Self::text(text) }
    }
}

impl Table {
    pub fn new(headings: &'static [&'static str]) -> Self {
        Self { headings, rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub fn render(&self, output: Output) -> String {
        let mut widths: Vec<usize> = self.headings.iter().map(|h| h.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.width());
            }
        }
        let mut out = String::new();
        let headings: Vec<Cell> = self.headings.iter().map(|h| Cell::text(*h)).collect();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let mut line = String::new();
            for (i, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = " ".repeat(width.saturating_sub(cell.text.width()));
                let text = match cell.state {
                    Some(state) => output.state(state, &cell.text),
                    None => cell.text.clone(),
                };
                if i > 0 {
                    line.push_str("  ");
                }
                line += &if cell.right { gap + &text } else { text + &gap };
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_cells_and_numbers_stand_right() {
        let mut table = Table::new(&["NAME", "N", "WHAT"]);
        table.row([Cell::text("日本"), Cell::number("7"), Cell::text("x")]);
        table.row([Cell::text("a"), Cell::number("1234"), Cell::text("")]);
        let text = table.render(Output { json: false, coloured: false });
        assert_eq!(text, "NAME  N     WHAT\n日本     7  x\na     1234\n");
    }

    #[test]
    fn nothing_that_could_harm_a_terminal_is_printed_but_our_colours_are() {
        let ours = Output { json: false, coloured: true }.state(State::Critical, "critical");
        assert_eq!(harmless(&ours), ours);
        assert_eq!(harmless("a\u{1b}[2J\u{9b}1mb\u{202e}\n\u{1b}]0;x\u{7}c"), "ab\nc");
        assert_eq!(Cell::text("a\nb\u{1b}[31;1mc").text, "a bc");
    }

    #[test]
    fn json_says_the_same_without_a_raw_control_or_bidi_character() {
        let hostile = "\u{1b}[2J\u{9b}\u{7f}\u{202e}\u{2028}\u{e0041}é\n";
        let json = escaped(&[hostile]).unwrap();
        assert!(json.chars().all(|c| c == '\n' || c == 'é' || (' '..='~').contains(&c)), "{json}");
        assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [hostile]);
    }
}
