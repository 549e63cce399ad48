//! Splits a text into its components before any of them is read, so that a broken one takes nothing
//! else with it.

use super::lines::{Line, unfold};
use super::read::Problems;
use super::{OURS, Problem};
use crate::domain::text;

/// How deep components nest; `STANDARD` in `VTIMEZONE` in `VCALENDAR` is 3.
const MAX_DEPTH: usize = 8;
/// The most events, zones, lines of one component, and lines in all that are read.
const MAX_EVENTS: usize = 20_000;
const MAX_ZONES: usize = 64;
const MAX_LINES: usize = 10_000;
const MAX_ALL_LINES: usize = 500_000;

/// What stands inside `VCALENDAR` and is never inside another component.
const TOP: [&str; 5] = ["VEVENT", "VTIMEZONE", "VTODO", "VJOURNAL", "VFREEBUSY"];

/// The properties that are read, by component.
const WANTED: [(&str, &[&str]); 5] = [
    ("VCALENDAR", &["X-WR-CALNAME", "NAME", "X-WR-TIMEZONE"]),
    (
        "VEVENT",
        &[
            "UID",
            "SUMMARY",
            "DESCRIPTION",
            "LOCATION",
            "STATUS",
            "CATEGORIES",
            "ORGANIZER",
            "ATTENDEE",
            "SEQUENCE",
            "DTSTART",
            "DTEND",
            "DURATION",
            "RRULE",
            "EXRULE",
            "RDATE",
            "EXDATE",
            "RECURRENCE-ID",
            "TRANSP",
        ],
    ),
    ("VTIMEZONE", &["TZID", "X-LIC-LOCATION"]),
    ("STANDARD", ONSET),
    ("DAYLIGHT", ONSET),
];
const ONSET: &[&str] = &["DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE"];

/// A component: the lines of it that are read, or are no content lines at all.
#[derive(Debug)]
pub(super) struct Component<'a> {
    pub kind: String,
    /// Where it begins.
    pub line: usize,
    pub lines: Vec<Line<'a>>,
    /// The `STANDARD` and `DAYLIGHT` of a `VTIMEZONE`.
    pub parts: Vec<Component<'a>>,
    /// Whether it has more lines than are read.
    pub is_cut: bool,
}

#[derive(Debug, Default)]
pub(super) struct Components<'a> {
    /// The lines of `VCALENDAR` itself.
    pub calendar: Vec<Line<'a>>,
    pub events: Vec<Component<'a>>,
    pub zones: Vec<Component<'a>>,
}

/// Splits a text. What is open where it should be closed is reported and left out.
pub(super) fn split<'a>(given: &'a str, problems: &mut Problems) -> Components<'a> {
    let mut splitter = Splitter { open: Vec::new(), done: Components::default(), problems };
    let mut kept = 0;
    for (index, line) in unfold(given).enumerate() {
        let name = line.name();
        let is_border = matches!(name.as_deref(), Some("BEGIN" | "END"));
        if index == 0 && !line.text.trim().eq_ignore_ascii_case("BEGIN:VCALENDAR") {
            let why = "it does not begin with BEGIN:VCALENDAR; is it a calendar?";
            splitter.problems.add(Problem::skipped(1, "the file", why));
            return splitter.done;
        }
        if is_border {
            let kind = line.text.split_once(':').map_or("", |(_, kind)| kind.trim());
            let kind = text::clean(kind, 40).to_ascii_uppercase();
            if name.as_deref() == Some("BEGIN") {
                splitter.begin(kind, line.number);
            } else {
                splitter.end(&kind, line.number);
            }
        } else if splitter.add(line, name.as_deref()) {
            kept += 1;
            if kept > MAX_ALL_LINES {
                let why = format!("more than {MAX_ALL_LINES} lines; the rest is not read");
                splitter.problems.add(Problem::skipped(1, "the file", why));
                break;
            }
        }
    }
    splitter.close(0, "the file ends inside it");
    splitter.done
}

struct Splitter<'a, 'p> {
    open: Vec<Component<'a>>,
    done: Components<'a>,
    problems: &'p mut Problems,
}

impl<'a> Splitter<'a, '_> {
    fn begin(&mut self, kind: String, line: usize) {
        if kind == "VCALENDAR" {
            self.close(0, "another VCALENDAR begins inside it");
        } else if TOP.contains(&kind.as_str()) {
            let outer = self.open.iter().rposition(|c| c.kind == "VCALENDAR");
            self.close(outer.map_or(0, |n| n + 1), &format!("there is no END before line {line}"));
        }
        if self.open.len() < MAX_DEPTH {
            let (lines, parts) = (Vec::new(), Vec::new());
            self.open.push(Component { kind, line, lines, parts, is_cut: false });
        }
    }

    fn end(&mut self, kind: &str, line: usize) {
        let Some(index) = self.open.iter().rposition(|c| c.kind == kind) else {
            // Where nesting was too deep its ends have no beginnings.
            if self.open.len() < MAX_DEPTH {
                self.problems.add(Problem::skipped(
                    line,
                    &format!("END:{kind}"),
                    "it ends nothing",
                ));
            }
            return;
        };
        self.close(index + 1, &format!("there is no END before line {line}"));
        let Some(component) = self.open.pop() else { return };
        let done = &mut self.done;
        let is_inside = |outer: &str| self.open.last().is_some_and(|c| c.kind == outer);
        let (list, most) = match kind {
            "VCALENDAR" => {
                done.calendar.extend(component.lines);
                return;
            }
            "VEVENT" if is_inside("VCALENDAR") => (&mut done.events, MAX_EVENTS),
            "VTIMEZONE" if is_inside("VCALENDAR") => (&mut done.zones, MAX_ZONES),
            "STANDARD" | "DAYLIGHT" if is_inside("VTIMEZONE") => match self.open.last_mut() {
                Some(zone) => (&mut zone.parts, MAX_ZONES),
                None => return,
            },
            _ => return,
        };
        if list.len() < most {
            list.push(component);
        } else {
            let why = format!("there are more than {most}");
            self.problems.add(Problem::skipped(component.line, kind, why));
        }
    }

    /// Leaves out what is open beyond a depth; of a calendar the rest is used.
    fn close(&mut self, depth: usize, why: &str) {
        for component in self.open.drain(depth.min(self.open.len())..) {
            if component.kind == "VCALENDAR" {
                self.done.calendar.extend(component.lines);
                self.problems.add(Problem::used(component.line, "VCALENDAR", why));
            } else {
                self.problems.add(Problem::skipped(component.line, &component.kind, why));
            }
        }
    }

    /// Whether the line is kept.
    fn add(&mut self, line: Line<'a>, name: Option<&str>) -> bool {
        let Some(component) = self.open.last_mut() else { return false };
        let wanted = WANTED.iter().find(|(kind, _)| *kind == component.kind);
        let is_ours = component.kind == "VEVENT" && name.is_some_and(|n| n.starts_with(OURS));
        let is_wanted =
            is_ours || wanted.is_some_and(|(_, names)| name.is_none_or(|n| names.contains(&n)));
        component.is_cut |= is_wanted && component.lines.len() == MAX_LINES;
        let is_kept = is_wanted && !component.is_cut;
        if is_kept {
            component.lines.push(line);
        }
        is_kept
    }
}
