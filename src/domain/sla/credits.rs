//! What services achieved in a period by the rules of their contracts, and what is given back for it.
//!
//! An outage is what the metrics of the service call one; planned downtime and time of which nothing is known
//! count as the contract says. A figure is compared with the tiers as the contract rounds it. Cap and minimum
//! bound the credit of each service: which part of a fee a service is, no contract says here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::contract::{Band, Contract, ServiceLevels};
use super::{Availability, Observed, Ratio, availability};
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
    down: BTreeMap<ServiceId, Vec<(IncidentId, Interval)>>,
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
        if let Some(at) = outage.and_then(|at| at.overlap(self.period)) {
            self.down.entry(service.clone()).or_default().push((incident.id, at));
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
        let down: Vec<_> = down.iter().filter(|(_, at)| at.overlap(within).is_some()).collect();
        let outages: Intervals = down.iter().map(|(_, at)| *at).collect();
        let before = self.rules.known_from.map(|from| Interval::new(within.from, from));
        // What was reported to be down was so, whether somebody watched or not.
        let unwatched = self.rules.unwatched.within(within).difference(&outages);
        let observed = Observed {
            unknown: unwatched.union(&before.map_or_else(Intervals::empty, Intervals::from)),
            excluded: self.rules.planned.get(service).cloned().unwrap_or_default(),
            down: outages,
        };
        let of = availability(within, &observed, contract.exclusion, contract.no_data);
        let mut incidents: Vec<IncidentId> = down.iter().map(|(id, _)| *id).collect();
        incidents.sort_unstable();
        Line { contract: Arc::clone(contract), service: service.clone(), within, of, incidents }
    }
}

impl Line {
    /// What is compared with the tiers; `None`: no time counts.
    pub fn compared(&self) -> Option<Ratio> {
        Some(self.contract.rounding.of(self.of.ratio()?))
    }

    /// As the contract has it written: with more decimals where it would else look like the tier that it
    /// has missed.
    pub fn written(&self) -> Option<String> {
        let tiers = self.contract.credits.iter().flat_map(|c| &c.tiers).map(|t| t.below);
        Some(self.contract.rounding.written(self.of.ratio()?, tiers))
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
