//! The records behind a figure, to choose one and go there.

use super::{Sla, objectives};
use crate::domain::incident::IncidentId;
use crate::domain::sla::attainment::{Count, Line};
use crate::domain::text;
use crate::domain::time::near;
use crate::ui::overlay::Overlay;
use crate::ui::screens::{Ctx, Place, Step};
use crate::ui::widgets::{Item, Picker};

/// How many are listed at most.
const MOST: usize = 500;

/// The incidents of a figure: broken ones first.
pub fn of_line(ctx: &Ctx<'_>, line: &Line, count: &Count) -> Vec<Step> {
    let groups = [(&count.missed, "broken"), (&count.running, "running"), (&count.met, "kept")];
    let all = groups.iter().flat_map(|(ids, word)| ids.iter().map(move |id| (*id, *word)));
    let items: Vec<Item> = all.take(MOST).map(|(id, word)| incident(ctx, id, word)).collect();
    let levels = &ctx.world.plan.service_levels;
    let name = levels.contract(&line.contract).map_or(&*line.contract, |c| &c.name);
    let title = format!("{} {}: {name}", line.priority, line.kind.word());
    vec![Step::Show(Box::new(Overlay::Picker(Picker::new(&title, items))))]
}

fn incident(ctx: &Ctx<'_>, id: IncidentId, word: &str) -> Item {
    let known = ctx.world.incidents.get(id);
    let title = known.map(|i| text::clean(&i.title, 80)).unwrap_or_default();
    let label = format!("{id} {title}").trim_end().to_owned();
    Item { label, detail: word.to_owned(), then: vec![Step::Go(Place::Incident(id))] }
}

/// What lies behind the budget of the objective under the cursor: the incidents of its service within
/// the window, and what is excluded of it.
pub fn of_objective(sla: &Sla, ctx: &Ctx<'_>) -> Vec<Step> {
    let Some(shown) = objectives::under(sla, ctx) else { return Vec::new() };
    let status = &shown.status;
    let zone = ctx.world.site.zone;
    let mut items = vec![Item {
        label: format!("service {}", status.objective.service),
        detail: "its signals".to_owned(),
        then: vec![Step::Go(Place::Service(status.objective.service.clone()))],
    }];
    let incidents = objectives::incidents(ctx, status);
    items.extend(incidents.into_iter().take(MOST).map(|i| Item {
        label: format!("{} {}", i.id, text::clean(&i.title, 80)),
        detail: near(i.started_at, ctx.now, zone),
        then: vec![Step::Go(Place::Incident(i.id))],
    }));
    items.extend(status.excluded.iter().take(MOST).map(|(at, what)| Item {
        label: format!("{} {what}", objectives::EXCLUDED),
        detail: format!("{} {}", near(at.from, ctx.now, zone), text::duration(at.length())),
        then: vec![Step::Go(Place::Calendar)],
    }));
    let title = objectives::title(&status.objective);
    vec![Step::Show(Box::new(Overlay::Picker(Picker::new(&title, items))))]
}
