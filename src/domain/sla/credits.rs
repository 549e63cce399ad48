//! What services achieved in a period by the rules of their contracts, and what is given back for it.
//!
//! An outage is what the metrics of the service call one, from when something is known on; planned downtime and
//! time of which nothing is known count as the contract says. There is no figure, and nothing is given back, of a
//! time of which less than [`LEAST_KNOWN`] is known, unless the contract has that count as down. A figure is compared with the tiers as the contract rounds it. Cap and minimum
//! bound the credit of each service: which part of a fee a service is, no contract says here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::contract::{Band, Contract, ServiceLevels};
use super::{Availability, LEAST_KNOWN, NoData, Observed, Ratio, availability};
use crate::domain::health::ServiceId;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::metrics::Rules;
use crate::domain::time::{Instant, Interval, Intervals};

/// The outages of a period; fed with one incident after another.
#[derive(Debug, Clone)]
pub struct Achieved {
    /// As far as it is over.
    period: Interval,
    rules: Rules,
    down: BTreeMap<ServiceId, Vec<Outage>>,
}

#[derive(Debug, Clone)]
struct Outage {
    id: IncidentId,
    at: Interval,
    /// What windows took out of it that name no service.
    muted: Intervals,
}

/// What one service achieved by one contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub contract: Arc<Contract>,
    pub service: ServiceId,
    /// The part of the period in which the contract was valid.
    pub within: Interval,
    pub of: Availability,
    /// The outages behind it.
    pub incidents: Vec<IncidentId>,
}

impl Achieved {
    pub fn new(period: Interval, rules: Rules, now: Instant) -> Self {
        let period = Interval::new(period.from, period.to.min(now).max(period.from));
        Self { period, rules, down: BTreeMap::new() }
    }

    /// Counts an incident in, if its service was down because of it in the period.
    pub fn add(&mut self, incident: &Incident) {
        let Some(service) = &incident.service else { return };
        let outage = self.rules.outage_of(incident, self.period.to);
        let known = self.rules.known_of(self.period);
        if let Some(at) = outage.and_then(|at| at.overlap(known)) {
            let (id, muted) = (incident.id, incident.planned(self.period.to));
            self.down.entry(service.clone()).or_default().push(Outage { id, at, muted });
        }
    }

    /// A line for each service of each contract, in the order of the files. `only`: of that contract;
    /// `asked`: of these services. The default contract has the rest of what is `watched`, where it gives
    /// anything back.
    pub fn lines<'a>(
        &self,
        levels: &ServiceLevels,
        only: Option<&str>,
        asked: impl Fn(&ServiceId) -> bool,
        watched: impl IntoIterator<Item = &'a ServiceId>,
    ) -> Vec<Line> {
        let named: BTreeSet<&ServiceId> =
            levels.contracts.iter().flat_map(|c| &c.services).collect();
        let rest: Vec<&ServiceId> = watched.into_iter().filter(|s| !named.contains(s)).collect();
        let agreed = levels.contracts.iter().map(|c| (c, c.services.iter().collect()));
        let otherwise = levels.otherwise.iter().filter(|c| c.credits.is_some());
        let agreed = agreed.chain(otherwise.map(|c| (c, rest.clone())));
        let meant = agreed.filter(|(c, _)| only.is_none_or(|id| *c.id == *id));
        let mut lines = Vec::new();
        for (contract, services) in meant {
            let Some(within) = contract.valid.overlap(self.period) else { continue };
            lines.extend(
                services.into_iter().filter(|s| asked(s)).map(|s| self.line(contract, s, within)),
            );
        }
        lines
    }

    fn line(&self, contract: &Arc<Contract>, service: &ServiceId, within: Interval) -> Line {
        let down = self.down.get(service).map(Vec::as_slice).unwrap_or_default();
        let down: Vec<_> = down.iter().filter(|o| o.at.overlap(within).is_some()).collect();
        let outages: Intervals = down.iter().map(|o| o.at).collect();
        let bad: Vec<_> = down.iter().map(|o| Intervals::from(o.at).difference(&o.muted)).collect();
        let bad: Intervals = bad.iter().flat_map(Intervals::iter).collect();
        let muted: Intervals = down.iter().flat_map(|o| o.muted.iter()).collect();
        let muted = muted.difference(&bad);
        let before = Interval::new(within.from, self.rules.known_of(within).from);
        // What was reported to be down was so, whether somebody watched or not.
        let unwatched = self.rules.unwatched.within(within).difference(&outages);
        let planned = self.rules.planned.get(service);
        let observed = Observed {
            unknown: unwatched.union(&before.into()),
            excluded: planned.map_or(muted.clone(), |planned| planned.union(&muted)),
            down: outages,
        };
        let of = availability(within, &observed, contract.exclusion, contract.no_data);
        let mut incidents: Vec<IncidentId> = down.iter().map(|o| o.id).collect();
        incidents.sort_unstable();
        Line { contract: Arc::clone(contract), service: service.clone(), within, of, incidents }
    }
}

impl Line {
    /// What was achieved; `None`: no time counts, or too little is known.
    pub fn achieved(&self) -> Option<Ratio> {
        self.of.ratio().filter(|_| !self.is_thin())
    }

    /// Whether so little is known that nothing is made of it.
    pub fn is_thin(&self) -> bool {
        let least = |coverage: Ratio| coverage.cmp_ppm(LEAST_KNOWN).is_lt();
        self.contract.no_data == NoData::Remove && self.coverage().is_none_or(least)
    }

    /// What is compared with the tiers.
    pub fn compared(&self) -> Option<Ratio> {
        Some(self.contract.rounding.of(self.achieved()?))
    }

    /// The same as the contract has it written.
    pub fn written(&self) -> Option<String> {
        Some(self.contract.rounding.written(self.achieved()?))
    }

    /// Where it lies among the tiers; `None`: nothing is given back by this contract, or nothing is known.
    pub fn band(&self) -> Option<Band> {
        Some(self.contract.credits.as_ref()?.band(self.compared()?))
    }

    /// What is given back, in ppm of the fee, bounded.
    pub fn credit(&self) -> Option<u32> {
        Some(self.contract.credits.as_ref()?.of(self.compared()?))
    }

    /// The part of the time of which something is known.
    pub fn coverage(&self) -> Option<Ratio> {
        let (whole, unknown) = (self.within.length(), self.of.unknown);
        Ratio::new((whole - unknown).num_milliseconds(), whole.num_milliseconds())
    }
}
