//! How the queue is laid out: views to choose from, the columns to choose.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::actions::{confirm, form};
use super::{Queue, show};
use crate::domain::command::Command;
use crate::domain::incident::views::{
    Column, Columns, Group, OwnChange, Sort, View, built_in, is_built_in, shared,
};
use crate::engine::Snapshot;
use crate::ui::cmd::Cmd;
use crate::ui::keymap::Action;
use crate::ui::screens::{Ctx, Place, Step, Tone};
use crate::ui::widgets::form::Submit;
use crate::ui::widgets::{FormField, Item, Picker};

/// For whom a view is saved.
const ME: &str = "me";
const ALL: &str = "everybody";

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

    pub fn set_own(&mut self, own: Vec<View>) {
        self.own = own;
    }

    /// Every view that can be chosen, with whose it is.
    fn views<'a>(&'a self, world: &'a Snapshot) -> impl Iterator<Item = (&'a View, String)> {
        let built_in = built_in().iter().map(|view| (view, String::new()));
        let own = self.own.iter().map(|view| (view, "yours".to_owned()));
        let shared = world.views.iter().map(|s| (&s.view, format!("shared by {}", s.by)));
        built_in.chain(own).chain(shared)
    }

    pub(super) fn pick_view(&self, world: &Snapshot) -> Vec<Step> {
        let item = |(view, whose): (&View, String)| Item {
            label: view.name.clone(),
            detail: words(view, whose),
            then: vec![Step::Go(Place::View(Box::new(view.clone())))],
        };
        let shown = self.view_name(world);
        let now = self.views(world).position(|(view, _)| shown == Some(view.name.as_str()));
        // What is silenced upstream is no query, but looked for here.
        let silenced = Item {
            label: "silences".to_owned(),
            detail: "what is silenced upstream, and what ends soon".to_owned(),
            then: vec![Step::Act(Action::ListSilences)],
        };
        let items = self.views(world).map(item).chain([silenced]).collect();
        show(Picker::new("View", items).at(now.unwrap_or(0)))
    }

    /// The name of the view that is shown, if it is one.
    pub(super) fn view_name<'a>(&'a self, world: &'a Snapshot) -> Option<&'a str> {
        let text = self.filter.text();
        let same = || self.views(world).map(|(view, _)| view).filter(|view| view.query == text);
        let chosen = same().find(|view| self.chosen.as_ref() == Some(&view.name));
        chosen.or_else(|| same().next()).map(|view| view.name.as_str())
    }

    /// Asks under which name, and for whom, what is shown now is kept.
    pub(super) fn save_view(&self, world: &Snapshot) -> Vec<Step> {
        let now = View {
            name: String::new(),
            query: self.filter.text().to_owned(),
            sort: Some(self.list.sort().clone()),
            group: Some(self.list.group()),
            columns: Some(self.columns.clone()),
        };
        let about = words(&now, String::new());
        let own: BTreeSet<String> = self.own.iter().map(|view| view.name.clone()).collect();
        let shared = Arc::clone(&world.views.value);
        let known = self.chosen.as_deref().filter(|name| !is_built_in(name)).unwrap_or_default();
        let whose = if shared.get(known).is_some() { ALL } else { ME };
        let fields = vec![
            FormField::new("Name", known, "how it is called in the list of views"),
            FormField::choose(
                "For",
                whose,
                "only for you, or for all consoles on this store",
                vec![ME.to_owned(), ALL.to_owned()],
            ),
        ];
        let submit: Submit = Box::new(move |texts, _| {
            let text = |n: usize| texts.get(n).map(|text| text.trim()).unwrap_or_default();
            let view = View { name: text(0).to_owned(), ..now.clone() };
            if let Some(why) = view.wrong() {
                return Err((0, why));
            }
            let name = &view.name;
            let (cmd, instead) = match text(1) {
                ME => {
                    let instead = own.contains(name).then(|| format!("You have a view {name:?}."));
                    (Cmd::OwnView(OwnChange::Save(view.clone())), instead)
                }
                ALL => {
                    let there = shared.get(name);
                    let over = there.map_or(0, |there| there.version);
                    let instead =
                        there.map(|there| format!("{} shared a view {name:?}.", there.by));
                    let save = shared::Command::Save { view: view.clone(), over };
                    (Cmd::Ask(Command::View(save)), instead)
                }
                _ => return Err((1, format!("{ME}, or {ALL}"))),
            };
            let save = vec![Step::Do(cmd), Step::Go(Place::View(Box::new(view.clone())))];
            Ok(match instead {
                None => save,
                Some(line) => confirm("Write over it?", vec![line], "write over it", save),
            })
        });
        form("Save the view", &about, fields, submit)
    }

    /// Lists the views that can be deleted.
    pub(super) fn delete_view(&self, world: &Snapshot) -> Vec<Step> {
        let item = |view: &View, whose: String, cmd: Cmd| {
            let title = format!("Delete {:?}?", view.name);
            let line = words(view, whose.clone());
            Item {
                label: view.name.clone(),
                detail: words(view, whose),
                then: confirm(&title, vec![line], "delete", vec![Step::Do(cmd)]),
            }
        };
        let own = self.own.iter().map(|view| {
            let delete = OwnChange::Delete(view.name.clone());
            item(view, "yours".to_owned(), Cmd::OwnView(delete))
        });
        let shared = world.views.iter().map(|shared| {
            let delete = shared::Command::Delete { name: shared.view.name.clone() };
            let whose = format!("shared by {}", shared.by);
            item(&shared.view, whose, Cmd::Ask(Command::View(delete)))
        });
        let items: Vec<Item> = own.chain(shared).collect();
        if items.is_empty() {
            let why = "no view was saved yet; :save view keeps the one that is shown";
            return vec![Step::Say(Tone::Info, why.to_owned())];
        }
        show(Picker::new("Delete a view", items))
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

/// Whose a view is, what it finds, and how that is laid out.
fn words(view: &View, whose: String) -> String {
    let query = if view.query.is_empty() { "no filter" } else { &view.query };
    let parts = [whose, query.to_owned(), view.layout()];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("  ")
}
