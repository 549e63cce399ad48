//! The views of the queue on the command line: those that are built in, the person's own, the shared.

use serde::Serialize;

use super::Failure;
use super::output::{self, Cell, Output, Table, complain, print};
use crate::config::{self, Surroundings};
use crate::domain::incident::views::{SharedViews, View, built_in};

/// A view, and whose it is.
#[derive(Serialize)]
pub struct Known {
    /// `built-in`, `yours`, `shared`.
    whose: &'static str,
    /// Who shared it.
    by: Option<String>,
    #[serde(flatten)]
    view: View,
}

#[derive(Serialize)]
struct Document<'a> {
    views: &'a [Known],
}

/// All views, in the order in which a name is looked up. What is wrong with a person's own is told.
pub fn all(around: &Surroundings, shared: &SharedViews) -> Vec<Known> {
    let own = config::views::read(&config::views::file(around));
    for why in &own.wrong {
        complain(why);
    }
    let of = |view: &View, whose, by| Known { whose, by, view: view.clone() };
    let mut all: Vec<Known> = built_in().iter().map(|view| of(view, "built-in", None)).collect();
    all.extend(own.views.iter().map(|view| of(view, "yours", None)));
    all.extend(shared.iter().map(|one| of(&one.view, "shared", Some(one.by.clone()))));
    all
}

/// The view of that name.
pub fn named(all: &[Known], name: &str) -> Result<View, Failure> {
    let found = all.iter().find(|known| known.view.name == name);
    found.map(|known| known.view.clone()).ok_or_else(|| {
        let near = all.iter().map(|known| known.view.name.as_str());
        let near = near.min_by_key(|known| strsim::osa_distance(known, name)).unwrap_or("open");
        Failure::Usage(format!(
            "there is no view {name:?}; did you mean {near:?}? `atalaya incidents --views` lists them"
        ))
    })
}

pub fn list(all: &[Known], output: Output) {
    if output.json {
        output::document(&Document { views: all });
        return;
    }
    let mut table = Table::new(&["VIEW", "WHOSE", "SORT", "QUERY"]);
    for known in all {
        let whose = known
            .by
            .as_ref()
            .map_or_else(|| known.whose.to_owned(), |by| format!("{} by {by}", known.whose));
        let sort = known.view.sort.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let query = if known.view.query.is_empty() { "-" } else { &known.view.query };
        table.row([
            Cell::text(known.view.name.as_str()),
            Cell::text(whose),
            Cell::text(sort),
            Cell::text(query),
        ]);
    }
    print(&table.render(output));
}
