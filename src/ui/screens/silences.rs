//! Silences: what is silenced upstream, whatever the cluster, and the form that silences the alerts of
//! an incident.
//!
//! ╭ Silences ─────────────────────────────────────────╮
//! │   LEFT  ALERTS  SOURCE  BY   MATCHES     COMMENT   │  the end that comes first on top
//! │▌  12m        3  am      ana  service="…" INC-7: …  │
//! │                                                    │
//! │ all of the one under the cursor                    │
//! ╰────────────────────────────── + extend  D expire ─╯

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use imbl::OrdMap;
use ratatui::layout::Rect;

use super::{Ctx, Step, Tone, centred};
use crate::domain::calendar::mirror::AUTHOR;
use crate::domain::command::Command;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::matcher::{Labels, Matchers, Op};
use crate::domain::observation::SourceName;
use crate::domain::text::{self, count, duration};
use crate::domain::time::{Instant, near};
use crate::domain::upstream::cover::{Cover, cover, cover_objects, objects, propose};
use crate::domain::upstream::{self, Call, Request, Silence, SilenceState, UpstreamKind, named};
use crate::engine::Snapshot;
use crate::ui::cmd::Cmd;
use crate::ui::keymap::Action;
use crate::ui::overlay::{Confirm, Overlay};
use crate::ui::theme::Role;
use crate::ui::widgets::form::{Beside, Submit, Told};
use crate::ui::widgets::paint::wrap;
use crate::ui::widgets::scroll::rows as rows_of;
use crate::ui::widgets::{Column, Form, FormField, Paint, fit, table, width};

/// For how long, as it is proposed.
const LENGTHS: [&str; 4] = ["1h", "2h", "4h", "1d"];
/// How many alerts, and how many other incidents, are shown.
const SHOWN: usize = 5;
/// What ends so soon is worth a look.
const SOON: TimeDelta = TimeDelta::minutes(15);
/// The lines for the one under the cursor.
const DETAIL: u16 = 7;

const COLUMNS: [Column; 6] = [
    Column::right("LEFT", 7, 0),
    Column::right("ALERTS", 6, 0),
    Column::new("SOURCE", 10, 3),
    Column::new("BY", 10, 2),
    Column::fill("MATCHES", 26),
    Column { priority: 4, ..Column::fill("COMMENT", 24) },
];

fn order(source: &SourceName, about: Option<IncidentId>, call: Call) -> Step {
    let request = Request { source: source.clone(), about, call };
    Step::Do(Cmd::Ask(Command::Upstream(upstream::Command::Order(request))))
}

fn say(text: &str) -> Vec<Step> {
    vec![Step::Say(Tone::Info, text.to_owned())]
}

/// What is typed is held against this, taken when the form opened.
struct Desk {
    source: SourceName,
    kind: UpstreamKind,
    about: IncidentId,
    /// How many of its alerts fire.
    firing: usize,
    incidents: OrdMap<IncidentId, Arc<Incident>>,
    zone: Tz,
    demo: bool,
}

/// The form that silences the alerts of an incident where they come from.
pub fn form(incident: &Incident, ctx: &Ctx<'_>) -> Vec<Step> {
    let upstream = ctx.world.plan.upstreams.get(&incident.source);
    let Some(upstream) = upstream.filter(|u| u.kind != UpstreamKind::Told) else {
        let why = format!(
            "{} comes from {}, which takes no silences; a window in the calendar mutes it here",
            incident.id, incident.source
        );
        return vec![Step::Say(Tone::Info, why)];
    };
    let firing = incident.alerts.values().filter(|a| a.cleared_at.is_none());
    let desk = Desk {
        source: incident.source.clone(),
        kind: upstream.kind,
        about: incident.id,
        firing: firing.count(),
        incidents: ctx.world.incidents.by_id.clone(),
        zone: ctx.world.site.zone,
        demo: ctx.world.site.demo,
    };
    let (label, proposed, hint) = match desk.kind {
        UpstreamKind::Alertmanager | UpstreamKind::Told => (
            "Matchers",
            propose(incident).to_string(),
            "all of them hold: service=\"checkout\", severity!=\"page\", instance=~\"a|b\"",
        ),
        UpstreamKind::Icinga2 => (
            "Objects",
            objects(incident).join(", "),
            "hosts and services with commas between them: db01, db01!disk",
        ),
    };
    let fields = vec![
        FormField::new(label, &proposed, hint),
        FormField::choose(
            "For",
            "2h",
            "90m, 2h, 3d; up and down choose",
            LENGTHS.map(str::to_owned).to_vec(),
        ),
        FormField::new(
            "Comment",
            &format!("{}: {}", incident.id, incident.title),
            "why, for whoever finds it there",
        ),
    ];
    let title = match desk.kind {
        UpstreamKind::Alertmanager | UpstreamKind::Told => {
            format!("Silence {} on {}", incident.id, desk.source)
        }
        UpstreamKind::Icinga2 => format!("Downtime for {} on {}", incident.id, desk.source),
    };
    let desk = Arc::new(desk);
    let beside: Beside = {
        let desk = Arc::clone(&desk);
        Box::new(move |texts, now| desk.told(texts, now))
    };
    let submit: Submit = Box::new(move |texts, now| desk.send(texts, now));
    let form = Form::new(&title, "", fields, submit).beside(beside, ctx.now);
    vec![Step::Show(Box::new(Overlay::Form(form)))]
}

/// What was typed.
struct Typed {
    call: Call,
    until: Instant,
    cover: Cover,
}

impl Desk {
    fn read(&self, texts: &[String], now: Instant) -> Result<Typed, (usize, String)> {
        let text = |at: usize| texts.get(at).map(|t| t.trim()).unwrap_or_default();
        let length = text::parse_duration(text(1)).filter(|l| *l > TimeDelta::zero());
        let length = length.ok_or((1, "write it as 90m, 2h or 3d".to_owned()))?;
        let until = now + length;
        let comment = text::clean(text(2), text::MAX_LINE);
        if comment.is_empty() {
            return Err((2, "say why, for whoever finds it there".to_owned()));
        }
        let open =
            || self.incidents.values().map(AsRef::as_ref).filter(|i: &&Incident| i.is_open());
        let (call, cover) = match self.kind {
            UpstreamKind::Alertmanager | UpstreamKind::Told => {
                let matchers = Matchers::parse(text(0)).map_err(|e| (0, e.to_string()))?;
                if matchers.matches(&Labels::new()) {
                    let why = "it also fits alerts without labels; name a label and its value";
                    return Err((0, why.to_owned()));
                }
                let cover = cover(&self.source, &matchers, open(), SHOWN);
                (Call::Silence { matchers, until, comment }, cover)
            }
            UpstreamKind::Icinga2 => {
                let objects = text(0).split(',').map(str::trim).filter(|o| !o.is_empty());
                let objects: Vec<String> = objects.map(str::to_owned).collect();
                if objects.is_empty() {
                    return Err((0, "name a host or a service: db01, db01!disk".to_owned()));
                }
                let cover = cover_objects(&self.source, &objects, open(), SHOWN);
                (Call::Downtime { objects, until, comment }, cover)
            }
        };
        Ok(Typed { call, until, cover })
    }

    /// The other incidents that it hits, a line for each of the first.
    fn others(&self, cover: &Cover) -> Vec<String> {
        let others: BTreeMap<_, _> =
            cover.incidents.iter().filter(|(id, _)| **id != self.about).collect();
        let line = |(id, alerts): (&&IncidentId, &&usize)| {
            let title = self.incidents.get(*id).map_or("", |i| i.title.as_str());
            format!("also {id} {title} ({})", count(**alerts, "alert"))
        };
        let mut lines: Vec<String> = others.iter().take(SHOWN).map(line).collect();
        if others.len() > SHOWN {
            lines.push(format!("and {} more incidents", others.len() - SHOWN));
        }
        lines
    }

    /// What the texts mean.
    fn told(&self, texts: &[String], now: Instant) -> Vec<Told> {
        let line = |text: String, role| Told { text, role, wrong: None };
        let Typed { call, until, cover } = match self.read(texts, now) {
            Ok(typed) => typed,
            Err((at, why)) => {
                return vec![Told { text: why, role: Role::Critical, wrong: Some(at) }];
            }
        };
        let mut out = Vec::new();
        // The field shows the end of a long text.
        if let Call::Silence { matchers, .. } = &call {
            out.push(line(matchers.to_string().replace("\",", "\", "), Role::Text));
        }
        let length = duration(until - now);
        out.push(line(format!("until {} ({length})", near(until, now, self.zone)), Role::Text));
        let own = cover.incidents.get(&self.about).copied().unwrap_or(0);
        out.push(match cover.alerts {
            0 => line("covers nothing that fires now".to_owned(), Role::Warning),
            n => line(format!("covers {} now", count(n, "alert")), Role::Strong),
        });
        if own < self.firing {
            let missed = self.firing - own;
            let said = format!("{missed} of {} of {} not", count(self.firing, "alert"), self.about);
            out.push(line(said, Role::Warning));
        }
        let others = self.others(&cover);
        if others.is_empty() && own > 0 {
            out.push(line(format!("nothing but {}", self.about), Role::Ok));
        }
        out.extend(others.into_iter().map(|said| line(said, Role::Warning)));
        let fixed: Vec<&str> = match &call {
            Call::Silence { matchers, .. } => {
                let equal = matchers.iter().filter(|m| m.op == Op::Equal);
                equal.map(|m| m.name.as_str()).collect()
            }
            _ => Vec::new(),
        };
        out.extend(cover.first.iter().map(|labels| line(shown(labels, &fixed), Role::Muted)));
        if cover.alerts > cover.first.len() {
            out.push(line(format!("and {} more", cover.alerts - cover.first.len()), Role::Muted));
        }
        let effect = if self.demo {
            "This is the demo: nothing is sent, it is told as if."
        } else {
            "The incident stays here, marked as silenced."
        };
        out.push(line(effect.to_owned(), Role::Muted));
        out
    }

    fn send(&self, texts: &[String], now: Instant) -> Result<Vec<Step>, (usize, String)> {
        let Typed { call, cover, .. } = self.read(texts, now)?;
        let lines = self.others(&cover);
        let step = order(&self.source, Some(self.about), call);
        if lines.is_empty() {
            return Ok(vec![step]);
        }
        let title = format!("Silence more than {}?", self.about);
        let confirm = Confirm::new(&title, lines, "silence", vec![step]);
        Ok(vec![Step::Show(Box::new(Overlay::Confirm(confirm)))])
    }
}

/// An alert by its name and what tells it from the others.
fn shown(labels: &Labels, fixed: &[&str]) -> String {
    let mut text = labels.get("alertname").cloned().unwrap_or_default();
    for (name, value) in &**labels {
        if name != "alertname" && !fixed.contains(&name.as_str()) {
            // Writing to a text cannot fail.
            let _ = write!(text, " {name}={value}");
        }
    }
    text.trim_start().to_owned()
}

/// What is silenced, whatever the cluster.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The source and the id of the one under the cursor.
    at: Option<(SourceName, String)>,
    index: usize,
}

type Row<'a> = (&'a SourceName, &'a Silence);

fn rows(world: &Snapshot) -> Vec<Row<'_>> {
    let all = world.silences.iter();
    let mut rows: Vec<Row<'_>> =
        all.flat_map(|(name, listed)| listed.silences.iter().map(move |s| (name, s))).collect();
    rows.sort_by_key(|(name, s)| (s.ends_at, *name, &s.id));
    rows
}

fn area(screen: Rect, rows: usize) -> Rect {
    let wanted = u16::try_from(rows).unwrap_or(u16::MAX).saturating_add(3 + DETAIL);
    let height = wanted.max(14).min(screen.height.saturating_sub(2)).min(40);
    centred(screen, screen.width.saturating_sub(4).clamp(40, 150), height)
}

fn room(screen: Rect, rows: usize) -> usize {
    usize::from(area(screen, rows).height.saturating_sub(3 + DETAIL))
}

impl Inventory {
    /// Where the cursor is among the rows: on what it stood, or on what took its place.
    fn position(&self, rows: &[Row<'_>]) -> usize {
        let is_here =
            |(name, s): &Row<'_>| self.at.as_ref().is_some_and(|(n, id)| n == *name && *id == s.id);
        let here = rows.iter().position(is_here).unwrap_or(self.index);
        here.min(rows.len().saturating_sub(1))
    }

    /// Something is under the cursor.
    pub fn has_row(world: &Snapshot) -> bool {
        world.silences.values().any(|listed| !listed.silences.is_empty())
    }

    pub fn act(&mut self, action: Action, ctx: &Ctx<'_>, screen: Rect) -> Vec<Step> {
        let rows = rows(ctx.world);
        let here = self.position(&rows);
        let moved = match action {
            Action::Top => Some(0),
            Action::Bottom => Some(rows.len().saturating_sub(1)),
            action => {
                rows_of(action, room(screen, rows.len())).map(|by| here.saturating_add_signed(by))
            }
        };
        let index = moved.unwrap_or(here).min(rows.len().saturating_sub(1));
        self.index = index;
        self.at = rows.get(index).map(|(name, s)| ((*name).clone(), s.id.clone()));
        let Some((source, silence)) = rows.get(index) else {
            return say("no silence is under the cursor");
        };
        match action {
            Action::Extend => extend(source, silence, ctx),
            Action::Cancel => expire(source, silence, ctx),
            Action::Copy | Action::Open => {
                let text = format!("{} {} {}", silence.id, silence.matchers, silence.comment);
                vec![Step::Do(Cmd::Copy(text))]
            }
            _ => Vec::new(),
        }
    }

    pub fn view(&self, ctx: &Ctx<'_>, screen: Rect, paint: &mut Paint<'_>) {
        let rows = rows(ctx.world);
        let area = area(screen, rows.len());
        paint.fill(area, Role::Overlay);
        let inner = paint.panel(area, &[("Silences", paint.of(Role::Title))], true);
        if rows.is_empty() {
            let text = if ctx.world.silences.is_empty() {
                "no source has told of silences; those of kind alertmanager do"
            } else {
                "nothing is silenced"
            };
            paint.put(inner.x + 1, inner.y, inner.width, text, Role::Muted);
            return;
        }
        let at = self.position(&rows);
        let places = table::place(&COLUMNS, inner.width);
        let ellipsis = paint.theme.symbols.ellipsis;
        let cell = |paint: &mut Paint<'_>, n: usize, y: u16, text: &str, role| {
            let Some((column, Some((x, room)))) = COLUMNS.get(n).zip(places.get(n).copied()) else {
                return;
            };
            let text = fit(text, room, ellipsis);
            let right = column.align == table::Align::Right;
            let pad = if right { room - width(&text).min(room) } else { 0 };
            paint.put(inner.x + x + pad, y, room, &text, role);
        };
        for (n, column) in COLUMNS.iter().enumerate() {
            cell(paint, n, inner.y, column.title, Role::Heading);
        }
        let room = room(screen, rows.len()).max(1);
        let skip = (at + 1).saturating_sub(room);
        for ((n, (source, silence)), y) in
            rows.iter().enumerate().skip(skip).take(room).zip(inner.y + 1..inner.bottom())
        {
            let left = (silence.ends_at - ctx.now).max(TimeDelta::zero());
            let role = match silence.state {
                SilenceState::Pending => Role::Muted,
                SilenceState::Active if left < SOON => Role::Warning,
                SilenceState::Active => Role::Text,
            };
            let matches = silence.matches.map_or("?".to_owned(), |n| n.to_string());
            cell(paint, 0, y, &duration(left), role);
            cell(paint, 1, y, &matches, role);
            cell(paint, 2, y, source, Role::Muted);
            cell(paint, 3, y, &silence.created_by, Role::Muted);
            cell(paint, 4, y, &silence.matchers, role);
            cell(paint, 5, y, &silence.comment, Role::Text);
            if n == at {
                let row = Rect { y, height: 1, ..inner };
                paint.select(row, Role::Selection);
                let bar = paint.of(Role::Selection).patch(paint.of(Role::Bar));
                paint.cell(row.x, y, paint.theme.symbols.bar, bar);
            }
        }
        if let Some((source, silence)) = rows.get(at) {
            let y = inner.bottom().saturating_sub(DETAIL - 1);
            let below = Rect { y, height: DETAIL - 1, ..inner };
            detail(source, silence, ctx, below, paint);
        }
        let left_out: usize = ctx.world.silences.values().map(|l| l.left_out).sum();
        let more =
            if left_out > 0 { format!(", {left_out} more not shown") } else { String::new() };
        let note = format!("{}/{}{more}", at + 1, rows.len());
        paint.note(area, &note, paint.of(Role::Muted));
    }
}

/// All of one silence.
fn detail(
    source: &SourceName,
    silence: &Silence,
    ctx: &Ctx<'_>,
    area: Rect,
    paint: &mut Paint<'_>,
) {
    let zone = ctx.world.site.zone;
    let times = format!(
        "{} on {source}, {} to {} by {}",
        silence.state.word(),
        near(silence.starts_at, ctx.now, zone),
        near(silence.ends_at, ctx.now, zone),
        silence.created_by
    );
    let lines = [
        (times, Role::Strong),
        (silence.matchers.clone(), Role::Text),
        (silence.comment.clone(), Role::Text),
        (silence.id.clone(), Role::Muted),
    ];
    let room = area.width.saturating_sub(2);
    let lines = lines.into_iter().flat_map(|(text, role)| {
        wrap(&text, room).into_iter().take(2).map(move |line| (line, role))
    });
    for ((line, role), y) in lines.zip(area.y..area.bottom()) {
        paint.put(area.x + 1, y, room, &line, role);
    }
}

/// Another end.
fn extend(source: &SourceName, silence: &Silence, ctx: &Ctx<'_>) -> Vec<Step> {
    let zone = ctx.world.site.zone;
    let (source, id, ends) = (source.clone(), silence.id.clone(), silence.ends_at);
    let about = format!("It ends {}: {}", near(ends, ctx.now, zone), silence.matchers);
    let read = |text: &str| {
        let length = text::parse_duration(text).filter(|l| *l > TimeDelta::zero());
        length.ok_or_else(|| "write it as 90m, 2h or 3d".to_owned())
    };
    let beside: Beside = Box::new(move |texts, now| {
        let told = |text, role, wrong| vec![Told { text, role, wrong }];
        match read(texts.first().map_or("", |t| t.trim())) {
            Ok(by) => told(format!("until {}", near(ends + by, now, zone)), Role::Strong, None),
            Err(why) => told(why, Role::Critical, Some(0)),
        }
    });
    let submit: Submit = Box::new(move |texts, _| {
        let by = read(texts.first().map_or("", |t| t.trim())).map_err(|why| (0, why))?;
        let call = Call::Extend { silence: id.clone(), until: ends + by };
        Ok(vec![order(&source, None, call)])
    });
    let lengths = LENGTHS.map(str::to_owned).to_vec();
    let fields = vec![FormField::choose("By", "1h", "90m, 2h, 3d; up and down choose", lengths)];
    let form = Form::new("Extend a silence", &about, fields, submit).beside(beside, ctx.now);
    vec![Step::Show(Box::new(Overlay::Form(form)))]
}

fn expire(source: &SourceName, silence: &Silence, ctx: &Ctx<'_>) -> Vec<Step> {
    let matches = match silence.matches {
        None => "alerts".to_owned(),
        Some(0) => "nothing".to_owned(),
        Some(n) => count(n, "alert"),
    };
    let left = duration((silence.ends_at - ctx.now).max(TimeDelta::zero()));
    let mut lines = vec![
        silence.matchers.clone(),
        silence.comment.clone(),
        format!("It mutes {matches} on {source} for {left} more, by {}.", silence.created_by),
    ];
    if silence.created_by == AUTHOR && silence.comment.starts_with(AUTHOR) {
        let said = "A console keeps it: it makes it again as long as its window mutes or its \
                    incident is acknowledged.";
        lines.push(said.to_owned());
    }
    let yes = vec![order(source, None, Call::Expire { silence: silence.id.clone() })];
    let confirm = Confirm::new("Expire this silence?", lines, "expire", yes);
    vec![Step::Show(Box::new(Overlay::Confirm(confirm)))]
}

/// What an order is about, in the words of a fact.
pub fn standing(order: &upstream::Order) -> String {
    let what = match &order.what.call {
        Call::Silence { .. } => "silence".to_owned(),
        Call::Extend { .. } => "silence extended".to_owned(),
        Call::Expire { .. } => "silence expired".to_owned(),
        Call::Downtime { objects, .. } => format!("downtime of {}", named(objects)),
        Call::EndDowntime { .. } => "downtime ended".to_owned(),
        Call::Comment { .. } => "comment".to_owned(),
        Call::Tell { action, .. } => action.clone(),
    };
    format!("{what} on {}: {}", order.what.source, order.stands())
}
