//! `[sla]` and `[[contracts]]`: what was promised to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;

use super::hours::{Calendars, valid};
use crate::config::names::Names;
use crate::config::problem::{Place, Report};
use crate::config::reader::{Section, Text};
use crate::domain::health::ServiceId;
use crate::domain::incident::{HoldReason, Priority};
use crate::domain::sla::clock::Target;
use crate::domain::sla::contract::{
    Call, ClockStart, Contract, Credits, Escalation, Kind, Mark, Planned, Rounding, RoundingMode,
    ServiceLevels, Targets, Tier,
};
use crate::domain::sla::hours::BusinessCalendar;
use crate::domain::sla::{Exclusion, NoData};
use crate::domain::text::{clean, duration};
use crate::domain::time::Instant;

/// What contracts refer to.
pub struct Known<'s, 'a> {
    pub calendars: &'s Calendars<'a>,
    pub services: &'s Names<'a>,
    pub people: &'s Names<'a>,
    pub schedules: &'s Names<'a>,
    /// How many levels the longest policy has.
    pub levels: usize,
    /// The zone of the site.
    pub zone: Tz,
    pub now: Instant,
}

/// All contracts, with the default one.
pub fn contracts<'a>(
    report: &Report,
    sla: Option<Section<'a>>,
    sections: Vec<Section<'a>>,
    known: &Known<'_, 'a>,
) -> ServiceLevels {
    let otherwise = sla.and_then(|s| {
        let contract = contract(&s, "default", BTreeSet::new(), known);
        s.finish();
        contract
    });
    let mut contracts: Vec<(Contract, Place)> = Vec::new();
    for s in sections {
        let id = s.id("id = \"acme-gold\"");
        if let Some(id) = id.filter(|id| id.value == "default") {
            let message = "\"default\" is what the contract of [sla] is called";
            s.report().error(id.at, message, "choose another id");
        }
        let services = services(&s, known);
        if let Some(contract) = contract(&s, id.map_or("", |id| id.value), services, known) {
            contracts.push((contract, id.map_or(s.at, |id| id.at)));
        }
        s.finish();
    }
    // One that has no id was reported.
    let ids: BTreeSet<Arc<str>> = contracts.iter().map(|(c, _)| c.id.clone()).collect();
    for id in ids.iter().filter(|id| !id.is_empty()) {
        let same = contracts.iter_mut().filter(|(c, _)| c.id == *id);
        let valid = same.map(|(contract, at)| (&mut contract.valid, *at)).collect();
        super::hours::in_turn(report, &format!("contract \"{id}\""), valid);
    }
    let contracts = contracts.into_iter().map(|(contract, _)| Arc::new(contract)).collect();
    let calendars = known.calendars.by_id.clone();
    ServiceLevels { calendars, contracts, otherwise: otherwise.map(Arc::new) }
}

fn services(s: &Section<'_>, known: &Known<'_, '_>) -> BTreeSet<ServiceId> {
    let named = s.texts("services").unwrap_or_default();
    if named.is_empty() {
        s.missing("services", "services = [\"checkout\"]");
    }
    for text in &named {
        // Where the plan has no services of its own, all come from sources, which are not asked here.
        if !known.services.list().is_empty() {
            known.services.refer(s.report(), *text, &s.key("services"));
        }
    }
    named.into_iter().map(|t| ServiceId::new(t.value)).collect()
}

fn contract(
    s: &Section<'_>,
    id: &str,
    services: BTreeSet<ServiceId>,
    known: &Known<'_, '_>,
) -> Option<Contract> {
    let text = |key| s.filled(key).map(|t| clean(t.value, 80));
    let (name, customer) = (text("name"), text("customer").unwrap_or_default());
    let calendar = s.filled("calendar").map(|t| known.calendars.refer(s, t, "calendar"));
    let calendar = calendar.unwrap_or_else(|| Some(known.calendars.always.clone()));
    let pause_on = pause_on(s).unwrap_or_else(|| vec![HoldReason::Customer]);
    let valid = valid(s, known.zone);
    let start = s.word("clock_start", &ClockStart::WORDS).unwrap_or_default();
    let maintenance = s.word("maintenance", &Planned::WORDS).unwrap_or_default();
    let exclusion = s.word("exclusion", &Exclusion::WORDS).unwrap_or_default();
    let no_data = s.word("no_data", &NoData::WORDS).unwrap_or_default();
    let rounding = s.section("rounding").map_or_else(Rounding::default, |r| rounding(r));
    let credits = s.section("credits").map(|c| credits(c));
    let update_every = target(s, "update_every");
    let sections = s.sections("targets");
    if sections.is_empty() {
        s.missing("targets", "targets = [{ priority = 1, respond = \"15m\", resolve = \"4h\" }]");
    }
    let escalations = s.sections("escalations").into_iter().filter_map(|e| escalation(e, known));
    let escalations: Vec<(Escalation, Place)> = escalations.collect();
    // One that is not known was reported; so is what else is wrong.
    let calendar = calendar.unwrap_or_else(|| known.calendars.always.clone());
    let mut targets = BTreeMap::new();
    for t in sections {
        let by_day = t.flag("end_of_day").unwrap_or(false);
        let own = t.filled("calendar").and_then(|text| known.calendars.refer(&t, text, "calendar"));
        let calendar = own.unwrap_or_else(|| calendar.clone());
        let reached = |key| {
            let (target, at) = target(&t, key)?;
            let target = to_close(target, by_day);
            let from = valid.map_or(known.now, |valid| valid.from.max(known.now));
            promised(&t, (key, at), (target, &calendar, from));
            Some(target)
        };
        let (respond, resolve) = (reached("respond"), reached("resolve"));
        let update = reached("update_every").or_else(|| update_every.map(|(target, _)| target));
        let own = ["respond", "resolve", "update_every"].map(|key| t.has(key));
        if update.is_none() && !own.contains(&true) && !s.has("update_every") {
            let message = "nothing is promised here";
            t.report().error(t.at, message, "set respond, resolve or update_every, or take it out");
        }
        let days = |target: &Option<Target>| matches!(target, Some(Target::Days { .. }));
        if by_day && own.contains(&true) && ![respond, resolve, update].iter().any(days) {
            let at = t.key_place("end_of_day").unwrap_or(t.at);
            let message = "end_of_day means nothing for a target that is no number of working days";
            t.report().error(at, message, "write the target as in \"5wd\", or take end_of_day out");
        }
        if let (Some(Target::Time(respond)), Some(Target::Time(resolve))) = (respond, resolve)
            && respond > resolve
        {
            let at = t.key_place("respond").unwrap_or(t.at);
            let message = "it may take longer to respond than to resolve";
            t.report().warn(at, message, "make respond the shorter one");
        }
        let priority = t.integer("priority", 1..=5).map(|p| Priority(p as u8));
        if !t.has("priority") {
            t.missing("priority", "priority = 1");
        }
        let pause_on = self::pause_on(&t).unwrap_or_else(|| pause_on.clone());
        if let Some(priority) = priority {
            let one = Targets { respond, resolve, update_every: update, calendar, pause_on };
            if targets.insert(priority, one).is_some() {
                let at = t.key_place("priority").unwrap_or(t.at);
                let message = format!("{priority} has its targets twice in {}", s.name);
                t.report().error(at, message, "take one of them out");
            }
        }
        t.finish();
    }
    for (escalation, at) in &escalations {
        too_early(s, escalation, *at, &targets);
    }
    let escalations = escalations.into_iter().map(|(escalation, _)| escalation).collect();
    Some(Contract {
        id: id.into(),
        name: name.unwrap_or_else(|| id.to_owned()),
        customer,
        services,
        calendar,
        targets,
        clock_start: start,
        maintenance,
        exclusion,
        no_data,
        rounding,
        credits,
        escalations,
        valid: valid?,
    })
}

fn pause_on(s: &Section<'_>) -> Option<Vec<HoldReason>> {
    let texts = s.texts("pause_on")?;
    let reason = |text: Text<'_>| {
        let reason = HoldReason::parse(text.value);
        if reason.is_none() {
            let known: Vec<&str> = HoldReason::WORDS.iter().map(|(word, _)| *word).collect();
            let message = format!("nothing is put on hold for \"{}\"", text.value);
            let remedy = crate::domain::text::suggest(text.value, &known, "it takes");
            s.report().error(text.at, message, remedy);
        }
        reason
    };
    Some(texts.into_iter().filter_map(reason).collect())
}

/// `30m`, `4h`, `5wd`, with its place.
fn target(s: &Section<'_>, key: &'static str) -> Option<(Target, Place)> {
    let text = s.filled(key)?;
    let target = Target::parse(text.value);
    if target.is_none() {
        let message = format!("\"{}\" is no target", text.value);
        let remedy =
            "write \"30m\", \"4h\" or \"2d\" of the calendar's time, or working days: \"5wd\"";
        s.report().error(text.at, message, remedy);
    }
    Some((target?, text.at))
}

fn to_close(target: Target, by_day: bool) -> Target {
    match target {
        Target::Days { count, .. } => Target::Days { count, to_close: by_day },
        Target::Time(_) => target,
    }
}

/// Reports a target that its calendar never reaches.
fn promised(
    s: &Section<'_>,
    (key, at): (&str, Place),
    (target, calendar, from): (Target, &Arc<BusinessCalendar>, Instant),
) {
    let never = match target {
        Target::Time(length) => calendar.after(from, length).err(),
        Target::Days { count, .. } => {
            calendar.working_days(from, i32::try_from(count).unwrap_or(i32::MAX)).err()
        }
    };
    if let Some(never) = never {
        let message = format!("{} = \"{target}\" can never be met: {never}", s.key(key));
        s.report().error(at, message, "choose a shorter target, or a calendar that opens");
    }
}

fn rounding(s: Section<'_>) -> Rounding {
    let decimals = s.integer("decimals", 0..=4).and_then(|n| u32::try_from(n).ok());
    let mode = s.word("mode", &RoundingMode::WORDS);
    s.finish();
    let default = Rounding::default();
    Rounding { decimals: decimals.unwrap_or(default.decimals), mode: mode.unwrap_or_default() }
}

fn credits(s: Section<'_>) -> Credits {
    let whole = crate::domain::sla::WHOLE_PPM;
    let (cap, minimum) = (percent(&s, "cap").unwrap_or(whole), percent(&s, "minimum").unwrap_or(0));
    let sections = s.sections("tiers");
    if sections.is_empty() {
        s.missing("tiers", "tiers = [{ below = \"99.9%\", credit = \"10%\" }]");
    }
    let mut tiers: Vec<Tier> = Vec::new();
    for t in sections {
        let at = t.key_place("below").unwrap_or(t.at);
        let (below, credit) = (percent(&t, "below"), percent(&t, "credit"));
        for key in ["below", "credit"] {
            if !t.has(key) {
                t.missing(key, &format!("{key} = \"10%\""));
            }
        }
        if let (Some(below), Some(credit)) = (below, credit) {
            let odd = |other: &Tier| {
                other.below == below || (other.below > below) != (other.credit < credit)
            };
            if tiers.iter().any(odd) {
                let message = "a worse figure has to give more back, and each tier its own figure";
                t.report().error(
                    at,
                    message,
                    "order the tiers: the lower below, the higher credit",
                );
            }
            tiers.push(Tier { below, credit });
        }
        t.finish();
    }
    if let Some(at) = s.key_place("minimum").filter(|_| minimum > cap) {
        s.report().error(at, "no credit could reach the minimum", "make it less than cap");
    }
    s.finish();
    tiers.sort_by_key(|tier| std::cmp::Reverse(tier.below));
    Credits { tiers, cap, minimum }
}

/// `99.95%` in parts per million.
fn percent(s: &Section<'_>, key: &'static str) -> Option<u32> {
    let text = s.filled(key)?;
    let ppm = ppm(text.value);
    if ppm.is_none() {
        let message = format!("\"{}\" is no percentage", text.value);
        let remedy = "write 0% to 100% with at most four decimals, as in \"99.95%\"";
        s.report().error(text.at, message, remedy);
    }
    ppm
}

fn ppm(text: &str) -> Option<u32> {
    let number = text.trim().strip_suffix('%')?.trim_end();
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || whole.len() > 3 || decimals.len() > 4 {
        return None;
    }
    let ppm =
        whole.parse::<u32>().ok()? * 10_000 + format!("{decimals:0<4}").parse::<u32>().ok()?;
    (ppm <= crate::domain::sla::WHOLE_PPM).then_some(ppm)
}

/// Reports what is due longer before a deadline than the whole target is.
fn too_early(
    s: &Section<'_>,
    escalation: &Escalation,
    at: Place,
    targets: &BTreeMap<Priority, Targets>,
) {
    let Mark::Offset(offset) = escalation.at else { return };
    let meant = targets.iter().filter(|(priority, _)| **priority <= escalation.min_priority);
    let all = meant.flat_map(|(priority, t)| {
        let of = [
            (Kind::Respond, t.respond),
            (Kind::Resolve, t.resolve),
            (Kind::Update, t.update_every),
        ];
        of.into_iter().map(move |(kind, target)| (*priority, kind, target))
    });
    let clocks = &escalation.clocks;
    for (priority, kind, target) in all.filter(|(_, k, _)| clocks.is_empty() || clocks.contains(k))
    {
        let Some(Target::Time(length)) = target.filter(|_| offset < TimeDelta::zero()) else {
            continue;
        };
        if -offset > length {
            let (mark, kind, target) = (escalation.at, kind.word(), duration(length));
            let message = format!(
                "{mark} of {kind} for {priority}, which has {target}, is before its clock begins: who \
                 is named would be called at once"
            );
            let remedy = "choose a shorter time or a percentage, or name the clocks that it is for";
            s.report().warn(at, message, remedy);
            return;
        }
    }
}

fn escalation(s: Section<'_>, known: &Known<'_, '_>) -> Option<(Escalation, Place)> {
    let words = Kind::ALL.map(|kind| (kind.word(), kind));
    let clocks = s.texts("clocks").unwrap_or_default().into_iter().filter_map(|text| {
        let found = words.iter().find(|(word, _)| *word == text.value).map(|(_, kind)| *kind);
        if found.is_none() {
            let message = format!("there is no clock \"{}\"", text.value);
            s.report().error(text.at, message, "it takes respond, resolve and update");
        }
        found
    });
    let clocks = clocks.collect();
    let at = s.required_text("at", "at = \"75%\"");
    let mark = at.and_then(|text| {
        let mark = Mark::parse(text.value);
        if mark.is_none() {
            let message = format!("\"{}\" is no point of a clock", text.value);
            let remedy =
                "write \"75%\" of the target, \"-15m\" before the deadline or \"+30m\" after it";
            s.report().error(text.at, message, remedy);
        }
        mark
    });
    let place = at.map_or(s.at, |text| text.at);
    let level = s.integer("level", 1..=20).and_then(|n| usize::try_from(n).ok());
    if let Some(level) = level.filter(|level| *level > known.levels) {
        let at = s.key_place("level").unwrap_or(s.at);
        let message = format!("no escalation policy has a level {level}");
        let remedy = match known.levels {
            0 => "define one in [[escalation]], or say who is called by notify".to_owned(),
            most => format!("the longest has {most}: take one of those, or notify"),
        };
        s.report().error(at, message, remedy);
    }
    let notify = s.texts("notify").unwrap_or_default();
    let whom: Vec<_> = notify
        .into_iter()
        .filter_map(|text| super::escalation::target(&s, text, known.people, known.schedules))
        .collect();
    let call = match (level, whom.is_empty()) {
        (Some(_), false) => {
            let at = s.key_place("level").unwrap_or(s.at);
            let message = "level and notify both say who is called";
            s.report().error(at, message, "take one of them out");
            None
        }
        (Some(level), true) => Some(Call::Level(level)),
        (None, false) => Some(Call::Notify(whom)),
        (None, true) => {
            if !s.has("level") && !s.has("notify") {
                s.missing("notify", "notify = [\"schedule:core\"], or level = 2 of the policy");
            }
            None
        }
    };
    let min_priority = s.integer("min_priority", 1..=5).map_or(Priority(5), |p| Priority(p as u8));
    s.finish();
    Some((Escalation { clocks, at: mark?, min_priority, call: call? }, place))
}

#[cfg(test)]
mod tests {
    use super::ppm;
    use rstest::rstest;

    #[rstest]
    #[case("99.95%", Some(999_500))]
    #[case("100%", Some(1_000_000))]
    #[case("0.0001 %", Some(1))]
    #[case("99.99999%", None)]
    #[case("100.1%", None)]
    #[case("99", None)]
    #[case("-1%", None)]
    #[case(".5%", None)]
    fn percentages_are_read_exactly(#[case] text: &str, #[case] expect: Option<u32>) {
        assert_eq!(ppm(text), expect);
    }
}
