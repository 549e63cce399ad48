//! Views of the queue: a query with how its finds are laid out, under a name. Some are built in, some
//! are a person's own, some are shared by all consoles of a store.

mod order;
pub mod shared;

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

pub use order::{Column, Columns, Group, MOST_KEYS, Sort, SortKey};
pub use shared::{Shared, SharedViews};

use super::query;
use crate::domain::text::clean;

/// What is shown at first: what is open, but for what sleeps.
pub const OPEN: &str = "state:new,ack,hold -is:snoozed";
/// The longest name and the longest query that are kept.
const LONGEST_NAME: usize = 40;
const LONGEST_QUERY: usize = 2_000;

/// A query, and what it says about how its finds are laid out; what it does not say stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    pub name: String,
    /// As in the filter; empty finds everything.
    #[serde(default)]
    pub query: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<Sort>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Columns>,
}

/// The views that a person keeps for themselves, as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnViews {
    pub views: Vec<View>,
    /// What is wrong with the rest: file, line, reason and remedy.
    pub wrong: Vec<String>,
}

/// What a person wants with one of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnChange {
    /// Keep it, instead of the one of that name.
    Save(View),
    Delete(String),
}

/// Those that every console has.
pub fn built_in() -> &'static [View] {
    static ALL: LazyLock<Vec<View>> = LazyLock::new(made);
    &ALL
}

fn made() -> Vec<View> {
    let view = |name: &str, query: &str| View {
        name: name.to_owned(),
        query: query.to_owned(),
        ..View::default()
    };
    let forgotten = View {
        sort: Some(Sort::ascending(&[Column::Acknowledged, Column::Priority])),
        columns: Some({
            let mut columns = Columns::default();
            columns.toggle(Column::Acknowledged);
            columns
        }),
        ..view("forgotten acknowledgements", "state:ack acked>4h")
    };
    vec![
        view("open", OPEN),
        view("new", "state:new -is:snoozed"),
        view("mine", "state:new,ack,hold is:mine"),
        View {
            sort: Some(Sort::ascending(&[Column::Sla, Column::Priority])),
            ..view("due next", OPEN)
        },
        view("unassigned", "state:new,ack,hold is:unassigned"),
        view("on hold", "state:hold"),
        view("snoozed", "state:new,ack,hold is:snoozed"),
        forgotten,
        view("to close", "state:resolved"),
        view("ended", "state:resolved,closed,cancelled"),
        view("everything", ""),
    ]
}

impl OwnChange {
    /// What is said once it is done.
    pub fn said(&self) -> String {
        match self {
            Self::Save(view) => format!("view {:?} saved for you", view.name),
            Self::Delete(name) => format!("your view {name:?} deleted"),
        }
    }
}

impl View {
    /// Why nobody could use it, with the way out.
    pub fn wrong(&self) -> Option<String> {
        let name = self.name.as_str();
        if name.trim().is_empty() {
            return Some("a view needs a name".to_owned());
        }
        if name.chars().count() > LONGEST_NAME {
            return Some(format!("a name has {LONGEST_NAME} characters at most"));
        }
        if name != clean(name.trim(), LONGEST_NAME) {
            return Some(format!("{name:?} is no name: write plain words"));
        }
        if is_built_in(name) {
            return Some(format!("{name:?} is a view that every console has; take another name"));
        }
        if self.query.chars().count() > LONGEST_QUERY {
            return Some(format!("a query has {LONGEST_QUERY} characters at most"));
        }
        let wrong = query::parse(&self.query).errors.into_iter().next()?;
        Some(format!("its query is wrong: {wrong}"))
    }

    /// What it says about the layout, in words; empty where it says nothing.
    pub fn layout(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.sort.as_ref().map(|sort| format!("sort {sort}")));
        let group = self.group.filter(|group| *group != Group::None);
        words.extend(group.map(|group| format!("by {}", group.word())));
        words.join("  ")
    }
}

/// Whether every console has a view of that name.
pub fn is_built_in(name: &str) -> bool {
    built_in().iter().any(|view| view.name == name)
}

#[cfg(test)]
mod tests;
