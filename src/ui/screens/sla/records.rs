//! The records behind a figure, to choose one and go there.

use chrono::TimeDelta;

use super::past::{Complete, Past};
use super::work::Done;
use super::{Sla, objectives};
use crate::domain::incident::IncidentId;
use crate::domain::sla::attainment::{Count, Line};
use crate::domain::slo::{BUCKET, Burn, MICRO, Status, Tally, Trouble, Unit, percent};
use crate::domain::text;
use crate::domain::time::{Interval, near};
use crate::ui::overlay::Overlay;
use crate::ui::screens::{Ctx, Place, Step};
use crate::ui::widgets::{Item, Picker};

/// The incidents of a figure: broken ones first.
pub fn of_line(ctx: &Ctx<'_>, line: &Line, count: &Count) -> Vec<Step> {
    let groups = [(&count.missed, "broken"), (&count.running, "running"), (&count.met, "kept")];
    let all = groups.iter().flat_map(|(ids, word)| ids.iter().map(move |id| (*id, *word)));
    let items: Vec<Item> = all.map(|(id, word)| incident(ctx, id, word)).collect();
    let levels = &ctx.world.plan.service_levels;
    let name = levels.contract(&line.contract).map_or(&*line.contract, |c| &c.name);
    pick(&format!("{} {}: {name}", line.priority, line.kind.word()), items)
}

fn incident(ctx: &Ctx<'_>, id: IncidentId, word: &str) -> Item {
    let known = ctx.world.incidents.get(id);
    let title = known.map(|i| text::clean(&i.title, 80)).unwrap_or_default();
    let label = format!("{id} {title}").trim_end().to_owned();
    item(label, word.to_owned(), Place::Incident(id))
}

fn pick(title: &str, items: Vec<Item>) -> Vec<Step> {
    vec![Step::Show(Box::new(Overlay::Picker(Picker::new(title, items))))]
}

fn item(label: String, detail: String, place: Place) -> Item {
    Item { label, detail, then: vec![Step::Go(place)] }
}

/// What lies behind the budget of the objective under the cursor: what was measured for each burn rate
/// and for the whole window, its incidents, what is excluded of it, and deployments.
pub fn of_objective(sla: &Sla, ctx: &Ctx<'_>) -> Vec<Step> {
    let Some(shown) = objectives::under(&sla.objective, ctx) else { return Vec::new() };
    let status = &shown.status;
    let objective = &status.objective;
    let service = Place::Service(objective.service.clone());
    let mut items =
        vec![item(format!("service {}", objective.service), "its signals".to_owned(), service)];
    let measured = |over| Place::Measured(objective.id.clone(), over);
    let window = Interval::new(status.window.from, status.as_of.max(status.window.from));
    let good = status.sli_ppm().map_or("unknown".to_owned(), share);
    items.push(item(format!("good over {}", objective.window), good, measured(window)));
    items.extend(status.burn.iter().map(|burn| {
        let rate = burn.milli.map_or("unknown".to_owned(), |milli| Burn::text(milli, 1));
        let over = Interval::new(status.as_of - burn.over, status.as_of);
        item(format!("burn {}", burn.name), rate, measured(over))
    }));
    items.extend(missing(&sla.past, status));
    items.extend(troubles(sla.past.of_window(status, ctx.now), ctx));
    items.extend(excluded(ctx, &status.excluded));
    items.extend(work(ctx, sla.work.of(status), window));
    pick(&objectives::title(objective), items)
}

/// What a figure over a stretch of time was worked out from: all of it, the incidents in it, what is
/// excluded of it, and each piece as it was measured, the newest first.
pub fn measured(sla: &Sla, ctx: &Ctx<'_>, id: &str, over: Interval) -> Vec<Step> {
    let Some(shown) = objectives::of(ctx, id) else { return Vec::new() };
    let (status, zone) = (&shown.status, ctx.world.site.zone);
    let objective = &status.objective;
    let unit = objective.sli.unit();
    let (name, when) = (objectives::title(objective), near(over.from, ctx.now, zone));
    let length = text::duration(over.length());
    let all = shown.tally(over);
    let here = Place::ObjectiveAt(objective.id.clone(), over.to);
    let mut items = vec![item(format!("all of it  {}", amounts(&all, unit)), ratio(&all), here)];
    items.extend(missing(&sla.past, status));
    items.extend(troubles(sla.past.within(status, over, ctx.now), ctx));
    items.extend(excluded(ctx, &shown.excluded.listed(over)));
    items.extend(work(ctx, sla.work.of(status), over));
    let pieces = shown.measured(over);
    items.extend(pieces.iter().rev().map(|piece| {
        let label =
            format!("{}  {}", near(piece.at.from, ctx.now, zone), amounts(&piece.tally, unit));
        // A day opens its buckets.
        let place = if piece.at.length() > TimeDelta::seconds(BUCKET) {
            Place::Measured(objective.id.clone(), piece.at)
        } else {
            Place::ObjectiveAt(objective.id.clone(), piece.at.from)
        };
        item(label, ratio(&piece.tally), place)
    }));
    pick(&format!("{length} from {when}: {name}"), items)
}

fn troubles<'a>(found: impl DoubleEndedIterator<Item = &'a Trouble>, ctx: &Ctx<'_>) -> Vec<Item> {
    let shown = |one: &Trouble| {
        let label = format!("{} {}", one.id, text::clean(&one.title, 80));
        item(label, near(one.from, ctx.now, ctx.world.site.zone), Place::Incident(one.id))
    };
    found.rev().map(shown).collect()
}

/// That incidents may be missing from a list.
fn missing(past: &Past, status: &Status) -> Option<Item> {
    let (said, why) = match past.is_complete(status) {
        Complete::Yes => return None,
        Complete::Soon => ("incidents of long ago are being read", ""),
        Complete::No(why) => ("incidents of long ago are missing", why),
    };
    let place = Place::Objective(status.objective.id.clone());
    Some(item(said.to_owned(), why.to_owned(), place))
}

fn excluded(ctx: &Ctx<'_>, all: &[(Interval, String)]) -> Vec<Item> {
    let shown = |(at, what): &(Interval, String)| {
        let when = near(at.from, ctx.now, ctx.world.site.zone);
        let detail = format!("{when} {}", text::duration(at.length()));
        item(format!("{} {what}", objectives::EXCLUDED), detail, Place::Calendar)
    };
    all.iter().map(shown).collect()
}

/// Deployments and other work that nothing is excluded for.
fn work(ctx: &Ctx<'_>, all: &[Done], within: Interval) -> Vec<Item> {
    let counts = |done: &&Done| !done.is_excluded && done.at.overlap(within).is_some();
    let shown = |done: &Done| {
        let detail = near(done.at.from, ctx.now, ctx.world.site.zone);
        item(done.words(), detail, Place::Window(done.key.clone()))
    };
    all.iter().filter(counts).map(shown).collect()
}

/// `292 of 300 good`, `4m 52s of 5m good`.
fn amounts(tally: &Tally, unit: Unit) -> String {
    if tally.total == 0 {
        let is_known = tally.seen > 0;
        return if is_known { "nothing counts" } else { "nothing known" }.to_owned();
    }
    let micro = u128::from(MICRO);
    let amount = |amount: u128| match unit {
        Unit::Seconds => {
            let whole = i64::try_from(amount / micro).unwrap_or(i64::MAX);
            text::duration(TimeDelta::try_seconds(whole).unwrap_or_default())
        }
        Unit::Events if amount.is_multiple_of(micro) => (amount / micro).to_string(),
        Unit::Events => format!("{}.{:03}", amount / micro, amount % micro / 1_000),
    };
    format!("{} of {} good", amount(tally.good), amount(tally.total))
}

fn ratio(tally: &Tally) -> String {
    let share = tally.good_ppm().map(share);
    let excluded = (tally.excluded > 0).then(|| objectives::EXCLUDED.to_owned());
    share.into_iter().chain(excluded).collect::<Vec<_>>().join(", ")
}

fn share(ppm: u32) -> String {
    format!("{} %", percent(ppm.into(), 4))
}
