//! Which services need which, and which of several broken ones is likely to be the cause of the others.

use std::cmp::Reverse;

use crate::domain::incident::IncidentId;

/// Services by their place, put together in rings: those that need each other, directly or not. Most
/// rings are one service alone, and between rings there are no circles.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dependencies {
    /// Each after all those that it needs.
    rings: Vec<Ring>,
}

#[derive(Debug, Clone, PartialEq)]
struct Ring {
    services: Vec<usize>,
    /// The places of the other rings that it needs, each once.
    needs: Vec<usize>,
}

/// What decides between broken services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken<T> {
    /// Of two that are equally deep, the lesser is the cause; else the first by its place.
    pub order: T,
    /// In a ring nothing is deepest; there the one with the oldest incident is the cause of the others.
    pub oldest: IncidentId,
}

/// The deepest broken service at or below a ring, the greatest first: how far below it is, then its
/// order and its place.
type Deepest<T> = (usize, Reverse<(T, usize)>);

impl Dependencies {
    /// `needs`: for each service, the places of those that it depends on.
    pub fn new(needs: &[Vec<usize>]) -> Self {
        let members = rings(needs);
        let mut ring_of = vec![0; needs.len()];
        for (ring, services) in members.iter().enumerate() {
            for service in services {
                if let Some(of) = ring_of.get_mut(*service) {
                    *of = ring;
                }
            }
        }
        let ring = |(at, services): (usize, Vec<usize>)| {
            let needed = services.iter().filter_map(|s| needs.get(*s)).flatten();
            let mut needs: Vec<usize> = needed.filter_map(|s| ring_of.get(*s).copied()).collect();
            needs.retain(|ring| *ring != at);
            needs.sort_unstable();
            needs.dedup();
            Ring { services, needs }
        };
        Self { rings: members.into_iter().enumerate().map(ring).collect() }
    }

    /// Whether no service needs another.
    pub fn is_empty(&self) -> bool {
        self.rings.iter().all(|ring| ring.needs.is_empty() && ring.services.len() < 2)
    }

    /// For each service that is broken because another one is: that one. It is the deepest broken
    /// service that it depends on, directly or not, by the longest way down. A cause has no cause.
    pub fn causes<T: Ord + Copy>(&self, broken: &[Option<Broken<T>>]) -> Vec<Option<usize>> {
        let mut causes = vec![None; broken.len()];
        let mut deepest: Vec<Option<Deepest<T>>> = Vec::with_capacity(self.rings.len());
        for ring in &self.rings {
            let of = |s: &usize| Some((*s, broken.get(*s).copied().flatten()?));
            let ill = || ring.services.iter().filter_map(of);
            let below = ring.needs.iter().filter_map(|r| deepest.get(*r).copied().flatten()).max();
            let below = below.map(|(depth, service)| (depth + 1, service));
            let own = || ill().min_by_key(|(s, b)| (b.oldest, *s));
            let found = below.or_else(|| own().map(|(s, b)| (0, Reverse((b.order, s)))));
            deepest.push(found);
            let Some((_, Reverse((_, cause)))) = found else { continue };
            for (service, _) in ill().filter(|(s, _)| *s != cause) {
                if let Some(of) = causes.get_mut(service) {
                    *of = Some(cause);
                }
            }
        }
        causes
    }
}

/// Tarjan's strongly connected components, each after all that it needs. Without recursion, since a
/// source may declare a chain of thousands.
fn rings(needs: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut walk = Walk { needs, low: vec![UNSEEN; needs.len()], ..Walk::default() };
    for service in 0..needs.len() {
        walk.enter(service);
        while let Some(step) = walk.path.last_mut() {
            let (at, next) = (step.service, step.left.next());
            match next {
                Some(next) if walk.low(*next) == UNSEEN => walk.enter(*next),
                Some(next) => walk.lower(at, walk.low(*next)),
                None => walk.leave(),
            }
        }
    }
    walk.rings
}

const UNSEEN: usize = 0;
const DONE: usize = usize::MAX;

#[derive(Default)]
struct Walk<'a> {
    needs: &'a [Vec<usize>],
    /// By service: the first on the way to it that it leads back to, as far as is known.
    low: Vec<usize>,
    seen: usize,
    path: Vec<Step<'a>>,
    /// Seen, and not in a ring yet.
    open: Vec<usize>,
    rings: Vec<Vec<usize>>,
}

/// A service on the way from the first to the current one.
struct Step<'a> {
    service: usize,
    number: usize,
    left: std::slice::Iter<'a, usize>,
}

impl Walk<'_> {
    fn low(&self, service: usize) -> usize {
        self.low.get(service).copied().unwrap_or(DONE)
    }

    fn lower(&mut self, service: usize, to: usize) {
        if let Some(low) = self.low.get_mut(service) {
            *low = to.min(*low);
        }
    }

    /// Goes on to a service, unless it was there before.
    fn enter(&mut self, service: usize) {
        let (Some(low), Some(needs)) = (self.low.get_mut(service), self.needs.get(service)) else {
            return;
        };
        if *low == UNSEEN {
            self.seen += 1;
            *low = self.seen;
            self.open.push(service);
            self.path.push(Step { service, number: self.seen, left: needs.iter() });
        }
    }

    /// Goes back to where it came from. A service that leads to none before it closes a ring.
    fn leave(&mut self) {
        let Some(Step { service, number, .. }) = self.path.pop() else { return };
        let low = self.low(service);
        if low == number {
            let first = self.open.iter().rposition(|s| *s == service).unwrap_or_default();
            let ring = self.open.split_off(first);
            for service in &ring {
                if let Some(low) = self.low.get_mut(*service) {
                    *low = DONE;
                }
            }
            self.rings.push(ring);
        }
        if let Some(above) = self.path.last().map(|step| step.service) {
            self.lower(above, self.low(service));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;
    use std::collections::BTreeSet;

    fn broken(all: impl IntoIterator<Item = usize>, of: usize) -> Vec<Option<Broken<()>>> {
        let all: BTreeSet<usize> = all.into_iter().collect();
        let one = |s: usize| Broken { order: (), oldest: IncidentId(s as u64) };
        (0..of).map(|s| all.contains(&s).then(|| one(s))).collect()
    }

    fn causes(needs: &[Vec<usize>], ill: impl IntoIterator<Item = usize>) -> Vec<Option<usize>> {
        Dependencies::new(needs).causes(&broken(ill, needs.len()))
    }

    /// `1,2||`: the first needs the two others.
    fn needs(text: &str) -> Vec<Vec<usize>> {
        let places = |of: &str| of.split(',').filter_map(|n| n.parse().ok()).collect();
        text.split('|').map(places).collect()
    }

    #[rstest]
    #[case::the_deepest_and_not_the_nearest("1|2|", &[0, 1, 2], "2 2 -")]
    #[case::through_one_that_is_well("1|2|", &[0, 2], "2 - -")]
    #[case::the_longest_way_counts("1,2|2|", &[0, 1, 2], "2 2 -")]
    #[case::the_first_of_equally_deep_ones("2,1||", &[0, 1, 2], "1 - -")]
    #[case::nothing_below_is_broken("1|", &[0], "- -")]
    #[case::it_needs_itself("0", &[0], "-")]
    #[case::a_ring_has_one_cause("1|2|0", &[0, 1, 2], "- 0 0")]
    #[case::the_oldest_broken_one_of_a_ring("1|2|0", &[1, 2], "- - 1")]
    #[case::what_a_ring_needs_is_deeper("1|0,2|", &[0, 1, 2], "2 2 -")]
    #[case::what_needs_a_ring("1|2|1", &[0, 1, 2], "1 - 1")]
    #[case::a_place_that_is_none("7|0", &[0, 1], "- 0")]
    fn the_cause_is(#[case] graph: &str, #[case] ill: &[usize], #[case] expected: &str) {
        let found = causes(&needs(graph), ill.iter().copied());
        let word = |cause: Option<usize>| cause.map_or("-".to_owned(), |c| c.to_string());
        assert_eq!(found.into_iter().map(word).collect::<Vec<_>>().join(" "), expected);
    }

    #[test]
    fn of_equally_deep_ones_the_order_decides_and_in_a_ring_the_age() {
        let mark = |order, oldest| Some(Broken { order, oldest: IncidentId(oldest) });
        let fork = Dependencies::new(&[vec![1, 2], vec![], vec![]]);
        assert_eq!(fork.causes(&[mark(9, 1), mark(5, 2), mark(4, 3)]), [Some(2), None, None]);
        let ring = Dependencies::new(&[vec![1], vec![0]]);
        assert_eq!(ring.causes(&[mark(1, 8), mark(2, 7)]), [Some(1), None]);
    }

    #[test]
    fn a_chain_and_a_ring_of_thousands_exhaust_neither_stack_nor_time() {
        let n = 100_000;
        let mut needs: Vec<Vec<usize>> = (1..=n).map(|next| vec![next]).collect();
        let chain = causes(&needs, 0..n);
        assert_eq!(chain.iter().filter(|c| **c == Some(n - 1)).count(), n - 1);
        needs[n - 1] = vec![0];
        let ring = causes(&needs, 0..n);
        assert_eq!(ring.iter().filter(|c| **c == Some(0)).count(), n - 1);
    }

    /// Whether each service leads to each, by one or more steps.
    fn reach(needs: &[Vec<usize>]) -> Vec<BTreeSet<usize>> {
        let from = |s: usize| {
            let mut seen = BTreeSet::new();
            let mut left = needs[s].clone();
            while let Some(next) = left.pop() {
                if seen.insert(next) {
                    left.extend(&needs[next]);
                }
            }
            seen
        };
        (0..needs.len()).map(from).collect()
    }

    fn graphs() -> impl Strategy<Value = Vec<Vec<usize>>> {
        (1..14_usize, 0..4_usize).prop_flat_map(|(n, most)| {
            proptest::collection::vec(proptest::collection::vec(0..n, 0..=most), n)
        })
    }

    proptest! {
        #[test]
        fn each_broken_service_has_one_cause_that_it_depends_on_or_is_one(
            needs in graphs(),
            ill in proptest::collection::btree_set(0..14_usize, 0..14),
        ) {
            let ill: BTreeSet<usize> = ill.into_iter().filter(|s| *s < needs.len()).collect();
            let found = causes(&needs, ill.iter().copied());
            let reach = reach(&needs);
            for (service, cause) in found.iter().enumerate() {
                let suspects: Vec<usize> =
                    reach[service].intersection(&ill).copied().filter(|s| *s != service).collect();
                match cause {
                    Some(cause) => {
                        prop_assert!(ill.contains(&service) && suspects.contains(cause));
                        prop_assert_eq!(found[*cause], None, "a cause has no cause");
                    }
                    None if ill.contains(&service) => {
                        let in_ring = |s: &usize| reach[*s].contains(&service) && service < *s;
                        prop_assert!(suspects.iter().all(in_ring), "{service} of {suspects:?}");
                    }
                    None => {}
                }
            }
        }

        #[test]
        fn without_circles_it_is_the_deepest(
            needs in graphs(),
            ill in proptest::collection::btree_set(0..14_usize, 0..14),
        ) {
            let downwards = |(at, needs): (usize, &Vec<usize>)| -> Vec<usize> {
                needs.iter().copied().filter(|s| *s > at).collect()
            };
            let needs: Vec<Vec<usize>> = needs.iter().enumerate().map(downwards).collect();
            let ill: BTreeSet<usize> = ill.into_iter().filter(|s| *s < needs.len()).collect();
            let found = causes(&needs, ill.iter().copied());
            for service in &ill {
                // The longest way to each, on all ways.
                let mut depth = vec![None; needs.len()];
                depth[*service] = Some(0);
                for at in *service..needs.len() {
                    for next in &needs[at] {
                        depth[*next] = depth[*next].max(depth[at].map(|d: usize| d + 1));
                    }
                }
                let below = ill.iter().copied().filter(|s| s != service && depth[*s].is_some());
                let deepest = below.max_by_key(|s| (depth[*s], Reverse(*s)));
                prop_assert_eq!(found[*service], deepest);
            }
        }
    }
}
