//! What the past has that is like an incident.

use super::facts::{Eye, Fact};
use crate::domain::incident::similar::{Similar, ending, similar};
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::text::duration;
use crate::ui::theme::Role;
use crate::ui::widgets::Piece;

/// How many stand among the facts; the page of related ones has them all.
const BRIEF: usize = 3;

/// The ones that are most like it, the best first.
pub fn of<'a>(incident: &Incident, eye: &Eye<'a>) -> Vec<Similar<'a>> {
    let all = &eye.world.incidents.by_id;
    // What was opened later is no past of it.
    let past = all.range(..incident.id).rev().map(|(_, incident)| &**incident);
    similar(incident, past, |id| all.get(&id).map(|incident| &**incident))
}

/// Their ids, without those that are named already.
pub fn ids(incident: &Incident, eye: &Eye<'_>, named: &[IncidentId]) -> Vec<IncidentId> {
    let found = of(incident, eye).into_iter().map(|similar| similar.incident.id);
    found.filter(|id| !named.contains(id)).collect()
}

/// A line for each of the best.
pub fn facts(incident: &Incident, eye: &Eye<'_>) -> Vec<Fact> {
    let text = eye.theme.of(Role::Text);
    let muted = eye.theme.of(Role::Muted);
    let mut lines = Vec::new();
    // The one before has a line of its own.
    let found = of(incident, eye).into_iter().filter(|s| Some(s.incident.id) != incident.earlier);
    for similar in found.take(BRIEF) {
        let other = similar.incident;
        let ago = duration(eye.now.signed_duration_since(other.opened_at));
        let label = if lines.is_empty() { "similar" } else { " " };
        let value = vec![
            Piece::new(format!("{}  {ago} ago, {}  ", other.id, ending(other)), text),
            Piece::new(format!("{}: {}", similar.likeness.words(), other.title), muted),
        ];
        lines.push(Fact { label, value });
    }
    lines
}
