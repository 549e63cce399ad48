//! How the queue is laid out: views to choose from, the columns to choose.

use super::{Queue, show};
use crate::domain::incident::views::{Column, Columns, Group, Sort, View, built_in};
use crate::ui::screens::{Ctx, Place, Step};
use crate::ui::widgets::{Item, Picker};

/// What a view may say beside its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    sort: Sort,
    group: Group,
    columns: Columns,
}

impl Queue {
    /// Shows what a view shows. What it does not say about the layout is as the person had it before
    /// another view brought its own.
    pub(super) fn apply(&mut self, view: &View, ctx: &Ctx<'_>) {
        self.full = None;
        self.chosen = Some(view.name.clone()).filter(|name| !name.is_empty());
        let now = Layout {
            sort: self.list.sort().clone(),
            group: self.list.group(),
            columns: self.columns.clone(),
        };
        let own = self.before.take().unwrap_or(now);
        let sort = view.sort.clone().unwrap_or_else(|| own.sort.clone());
        let group = view.group.unwrap_or(own.group);
        self.columns = view.columns.clone().unwrap_or_else(|| own.columns.clone());
        if view.sort.is_some() || view.group.is_some() || view.columns.is_some() {
            self.before = Some(own);
        }
        self.filter.set(&view.query);
        let query = self.filter.parsed().query.clone();
        let incidents = &ctx.world.incidents;
        self.with(ctx, |list, context| list.show(query, sort, group, incidents, context));
    }

    /// Every view that can be chosen, with whose it is.
    fn views<'a>() -> impl Iterator<Item = (&'a View, String)> {
        built_in().iter().map(|view| (view, String::new()))
    }

    pub(super) fn pick_view(&self) -> Vec<Step> {
        let item = |(view, whose): (&View, String)| {
            let query = if view.query.is_empty() { "no filter" } else { &view.query };
            let parts = [query.to_owned(), view.layout(), whose];
            let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            Item {
                label: view.name.clone(),
                detail: parts.join("  "),
                then: vec![Step::Go(Place::View(Box::new(view.clone())))],
            }
        };
        let shown = self.view_name();
        let now = Self::views().position(|(view, _)| shown == Some(view.name.as_str()));
        show(Picker::new("View", Self::views().map(item).collect()).at(now.unwrap_or(0)))
    }

    /// The name of the view that is shown, if it is one.
    pub(super) fn view_name(&self) -> Option<&str> {
        let text = self.filter.text();
        let same = || Self::views().map(|(view, _)| view).filter(|view| view.query == text);
        let chosen = same().find(|view| self.chosen.as_ref() == Some(&view.name));
        chosen.or_else(|| same().next()).map(|view| view.name.as_str())
    }

    /// All columns, those that are shown with a sign; the cursor is on the one at `at`.
    pub(super) fn pick_columns(&self, at: usize) -> Vec<Step> {
        let item = |column: Column| {
            let stays = if Column::ALWAYS.contains(&column) { "; always there" } else { "" };
            let sign = if self.columns.has(column) { "shown" } else { "" };
            Item {
                label: column.word().to_owned(),
                detail: format!("{sign:5}  {}{stays}", column.help()),
                then: vec![Step::Go(Place::Column(column))],
            }
        };
        let items = Column::ALL.into_iter().map(item).collect();
        show(Picker::new("Columns: Enter shows or hides, Esc ends", items).at(at))
    }

    /// Shows a column or hides it, and goes on choosing.
    pub(super) fn toggle_column(&mut self, column: Column) -> Vec<Step> {
        self.columns.toggle(column);
        self.pick_columns(Column::ALL.iter().position(|c| *c == column).unwrap_or(0))
    }
}
