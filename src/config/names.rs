//! Names that the files give to things, and by which they refer to them.

use std::collections::BTreeMap;

use super::problem::{Place, Report};
use super::reader::Text;
use crate::domain::text::suggest;

/// The names of one kind of thing, each with the place where it was given first.
pub struct Names<'a> {
    /// What one of them is called, and several.
    one: &'static str,
    several: &'static str,
    given: BTreeMap<&'a str, Place>,
}

impl<'a> Names<'a> {
    pub fn new(one: &'static str, several: &'static str) -> Self {
        Self { one, several, given: BTreeMap::new() }
    }

    /// Gives a name to a thing; one that is taken is reported.
    pub fn give(&mut self, report: &Report, name: Text<'a>) {
        let first = *self.given.entry(name.value).or_insert(name.at);
        if first != name.at {
            let message = format!("{} \"{}\" is defined twice", self.one, name.value);
            report.clash(name.at, first, message, "rename one of them");
        }
    }

    /// Whether a reference in `key` means something; where not, it is reported with the nearest name.
    pub fn refer(&self, report: &Report, name: Text<'_>, key: &str) -> bool {
        let known = self.given.contains_key(name.value);
        if !known {
            let Self { one, several, .. } = self;
            let message = format!("unknown {one} \"{}\" in {key}", name.value);
            let meant = || match self.list().as_slice() {
                [] => format!("no {several} are defined"),
                list => suggest(name.value, list, &format!("defined {several}")),
            };
            report.error(name.at, message, report.remedy(meant));
        }
        known
    }

    /// All of them.
    pub fn list(&self) -> Vec<&'a str> {
        self.given.keys().copied().collect()
    }
}
