//! Everything on the calendar that collides: a sweep over the beginnings.
//!
//! Each occurrence is held only against those that are open when it begins and have something in
//! common with it: a service, a relative, a matcher, an owner, a freeze. What a pair means is said by
//! [`conflicts`](super::conflicts), so that both agree.

use std::collections::HashMap;
use std::sync::Arc;

use super::conflicts::{Conflict, Kin, Proposal, World, against, alone, stands};
use super::model::{Key, Kind};
use super::occurrence::Occurrence;
use super::relations::Relatives;
use crate::domain::health::ServiceId;
use crate::domain::roster::PersonId;

/// All collisions in the world, in order of the occurrences and of time. Each pair is there twice,
/// once from either side.
pub fn collisions(world: &World) -> Vec<(Key, Conflict)> {
    let mut sweep = Sweep::new(world);
    let mut out = Vec::new();
    let standing = world.occurrences.iter().enumerate().filter(|(_, one)| stands(one, world.now));
    for (index, one) in standing {
        let proposal = Proposal::of(one);
        let mut found = Vec::new();
        alone(&proposal, proposal.at, world, &mut found);
        out.extend(found.into_iter().map(|conflict| (index, conflict)));
        for (other, earlier) in sweep.beside(one) {
            if out.len() >= MOST {
                break;
            }
            sweep.pair((index, one), (other, earlier), &mut out);
            sweep.pair((other, earlier), (index, one), &mut out);
        }
        sweep.open(index, one);
    }
    out.sort_by_key(|(index, conflict)| (*index, conflict.at));
    let key = |index: usize| world.occurrences.get(index).map(|one| one.key.clone());
    out.into_iter().filter_map(|(index, conflict)| Some((key(index)?, conflict))).collect()
}

/// So many collisions are told; beyond them nobody reads on, and a calendar where everything collides
/// with everything would take for ever.
const MOST: usize = 10_000;

/// What an occurrence may have in common with another.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Trait {
    Service(ServiceId),
    Matcher(String),
    Owner(PersonId),
    Freeze,
    Change,
}

/// What is open while the beginnings are gone through.
struct Sweep<'a> {
    world: &'a World<'a>,
    /// By what they have; those that have ended are dropped when they are come across.
    open: HashMap<Trait, Vec<usize>>,
    relatives: HashMap<&'a ServiceId, Arc<Relatives>>,
}

impl<'a> Sweep<'a> {
    fn new(world: &'a World<'a>) -> Self {
        Self { world, open: HashMap::new(), relatives: HashMap::new() }
    }

    fn open(&mut self, index: usize, one: &'a Occurrence) {
        for one_trait in traits(one) {
            self.open.entry(one_trait).or_default().push(index);
        }
    }

    /// The open ones that an occurrence has something in common with, each once.
    fn beside(&mut self, one: &'a Occurrence) -> Vec<(usize, &'a Occurrence)> {
        let mut asked = traits(one);
        match one.window.kind {
            Kind::Freeze => asked.push(Trait::Change),
            kind if kind.is_change() => asked.push(Trait::Freeze),
            _ => {}
        }
        for (_, relatives) in self.kin(one) {
            asked.extend(relatives.keys().cloned().map(Trait::Service));
        }
        let all = self.world.occurrences;
        let is_open =
            |index: &usize| all.get(*index).is_some_and(|o| o.planned.to > one.planned.from);
        let mut found = Vec::new();
        for one_trait in asked {
            if let Some(open) = self.open.get_mut(&one_trait) {
                open.retain(is_open);
                found.extend(open.iter().copied());
            }
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|index| Some((index, all.get(index)?))).collect()
    }

    fn pair(
        &mut self,
        (index, mine): (usize, &'a Occurrence),
        (_, theirs): (usize, &'a Occurrence),
        out: &mut Vec<(usize, Conflict)>,
    ) {
        let kin = self.kin(mine);
        let (proposal, mut found) = (Proposal::of(mine), Vec::new());
        against(&proposal, &kin, theirs, proposal.at, self.world, &mut found);
        out.extend(found.into_iter().map(|conflict| (index, conflict)));
    }

    fn kin(&mut self, one: &'a Occurrence) -> Kin<'a> {
        let relations = self.world.relations;
        let services = one.window.scope.services.iter();
        let kin = services.map(|service| {
            let known = self.relatives.entry(service);
            (service, known.or_insert_with(|| Arc::new(relations.of(service))).clone())
        });
        kin.collect()
    }
}

fn traits(one: &Occurrence) -> Vec<Trait> {
    let window = &*one.window;
    let mut out: Vec<_> = window.scope.services.iter().cloned().map(Trait::Service).collect();
    out.extend(window.scope.matchers.iter().map(|m| Trait::Matcher(m.to_string())));
    out.extend(window.owner.clone().map(Trait::Owner));
    if window.kind == Kind::Freeze {
        out.push(Trait::Freeze);
    }
    if window.kind.is_change() {
        out.push(Trait::Change);
    }
    out
}
