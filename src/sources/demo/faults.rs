//! What goes wrong: the scenes of the script, then faults drawn from the seed; what they do to those
//! that depend on the broken one; when their alerts fire.
//!
//! All times are seconds of the made-up world since its start.

use serde::Deserialize;

use super::chance::{pick, roll, smooth};
use super::world::{Scene, World};
use crate::domain::health::Dimension;

/// One fault may begin in each stretch of this length.
const STRETCH: f64 = 240.0;
/// How often it does.
const LIKELY: f64 = 0.55;
/// Drawn faults begin after the scripted ones have had their moment.
const QUIET: f64 = 150.0;
/// Longest that a drawn fault and its echoes last.
const LONGEST: f64 = 50.0 * 60.0;
/// A signal goes bad this long before its alert fires.
const RISE: f64 = 90.0;
const FALL: f64 = 60.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Warning,
    Critical,
}

impl Severity {
    pub fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One signal that goes bad, and its alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// `None`: an alert that no service claims.
    pub service: Option<usize>,
    /// In the order of [`Dimension::ALL`].
    pub signal: usize,
    pub severity: Severity,
    /// When the alert fires, half-open.
    pub from: f64,
    pub to: f64,
    /// How long it fires, and how long not, in turn.
    pub flap: Option<(f64, f64)>,
    /// The scene that it is the root of.
    pub scene: Option<usize>,
}

impl Trouble {
    /// Since when its alert has been firing at `t`.
    pub fn firing_since(&self, t: f64) -> Option<f64> {
        if t < self.from || t >= self.to {
            return None;
        }
        let Some((on, off)) = self.flap else { return Some(self.from) };
        let turn = ((t - self.from) / (on + off)).floor();
        let since = self.from + turn * (on + off);
        // The last turn is a whole one or none.
        (t - since < on && since + on <= self.to).then_some(since)
    }

    /// How far the signal has gone bad at `t`, 0 to 1.
    pub fn degree(&self, t: f64) -> f64 {
        let (rise, fall) = if self.flap.is_some() { (20.0, 20.0) } else { (RISE, FALL) };
        let within = |from: f64, to: f64| {
            smooth((t - from + rise) / rise) * (1.0 - smooth((t - to + fall) / fall))
        };
        let Some((on, off)) = self.flap else { return within(self.from, self.to) };
        let turn = ((t - self.from + rise) / (on + off)).floor().max(0.0);
        let since = self.from + turn * (on + off);
        if since + on > self.to { 0.0 } else { within(since, since + on) }
    }

    /// The instants up to `until` at which its alert begins or ends to fire.
    pub fn edges(&self, until: f64) -> Vec<f64> {
        let mut edges = Vec::new();
        if let Some((on, off)) = self.flap {
            let mut since = self.from;
            while since + on <= self.to && since <= until {
                edges.extend([since, since + on]);
                since += on + off;
            }
        } else {
            edges.extend([self.from, self.to]);
        }
        edges.retain(|t| *t <= until);
        edges
    }
}

/// The scripted troubles with their echoes.
pub fn scripted(world: &World) -> Result<Vec<Trouble>, String> {
    let mut troubles = Vec::new();
    for (i, scene) in world.script.scenes.iter().enumerate() {
        let root = root(world, i, scene)?;
        let echoes = if scene.cascade { echoes(world, &root, i as u64) } else { Vec::new() };
        troubles.push(root);
        troubles.extend(echoes);
    }
    Ok(troubles)
}

fn root(world: &World, i: usize, scene: &Scene) -> Result<Trouble, String> {
    let find = |id: &str| world.index(id).ok_or_else(|| format!("a scene names no service {id:?}"));
    let signal = scene.signal.unwrap_or_default();
    Ok(Trouble {
        service: scene.service.as_deref().map(find).transpose()?,
        signal: Dimension::ALL.iter().position(|d| *d == signal).unwrap_or_default(),
        severity: scene.severity,
        from: scene.from.0,
        to: scene.to.0,
        flap: scene.flap.map(|(on, off)| (on.0, off.0)),
        scene: Some(i),
    })
}

/// The drawn troubles that can matter at `t`.
pub fn drawn(world: &World, t: f64) -> Vec<Trouble> {
    let last = ((t + RISE) / STRETCH).floor();
    let first = ((t - LONGEST) / STRETCH).floor().max(0.0);
    if last < 0.0 {
        return Vec::new();
    }
    (first as u64..=last as u64).flat_map(|n| draw(world, n)).collect()
}

/// The fault of the `n`-th stretch, if there is one, with its echoes.
fn draw(world: &World, n: u64) -> Vec<Trouble> {
    let roll = |what: u64| roll(world.seed, &[n, what, 1]);
    let from = STRETCH * (n as f64 + roll(0));
    if from < QUIET || roll(1) > LIKELY {
        return Vec::new();
    }
    let service = pick(world.seed, &[n, 2], world.services.len());
    // The roots of the tree have no fault of their own; they show those of their children.
    if world.services.get(service).is_none_or(|s| s.parent.is_none()) {
        return Vec::new();
    }
    let signal = match roll(3) {
        r if r < 0.40 => 0,
        r if r < 0.72 => 1,
        r if r < 0.82 => 2,
        _ => 3,
    };
    let flaps = roll(4) < 0.12;
    let minutes = if flaps { 25.0 + 15.0 * roll(5) } else { 3.0 + 28.0 * roll(5) * roll(6) };
    let severity = if roll(7) < 0.4 { Severity::Critical } else { Severity::Warning };
    let root = Trouble {
        service: Some(service),
        signal,
        severity,
        from,
        to: from + minutes * 60.0,
        flap: flaps.then_some((120.0 + 90.0 * roll(8), 200.0 + 160.0 * roll(9))),
        scene: None,
    };
    let spreads = severity == Severity::Critical && !flaps && signal != 2;
    let echoes = if spreads { echoes(world, &root, n + 1_000_000) } else { Vec::new() };
    std::iter::once(root).chain(echoes).collect()
}

/// What those feel that depend on the broken service: later, milder, and not all of them.
fn echoes(world: &World, root: &Trouble, purpose: u64) -> Vec<Trouble> {
    const REACH: [f64; 3] = [0.95, 0.65, 0.35];
    let mut echoes = Vec::new();
    let Some(origin) = root.service else { return echoes };
    let mut reached = vec![origin];
    let mut wave = vec![(origin, root.from, root.to)];
    for (hop, chance) in REACH.into_iter().enumerate() {
        let mut next = Vec::new();
        for (on, from, to) in wave {
            for &service in world.dependents.get(on).into_iter().flatten() {
                let roll = |what: u64| roll(world.seed, &[purpose, service as u64, what, 2]);
                if reached.contains(&service) || roll(0) > chance {
                    continue;
                }
                let (from, to) = (from + 45.0 + 80.0 * roll(1), to + 20.0 + 40.0 * roll(2));
                let important = world.services.get(service).is_some_and(|s| s.tier == 1);
                let severity =
                    if hop == 0 && important { Severity::Critical } else { Severity::Warning };
                reached.push(service);
                next.push((service, from, to));
                let suffers = world.echoing(service);
                let which = pick(world.seed, &[purpose, service as u64, 3], suffers.len());
                if let Some(&signal) = suffers.get(which).filter(|_| from < to) {
                    let service = Some(service);
                    let echo =
                        Trouble { service, signal, severity, from, to, flap: None, scene: None };
                    echoes.push(echo);
                }
            }
        }
        wave = next;
    }
    echoes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trouble(from: f64, to: f64, flap: Option<(f64, f64)>) -> Trouble {
        let severity = Severity::Critical;
        Trouble { service: Some(0), signal: 0, severity, from, to, flap, scene: None }
    }

    #[test]
    fn a_flapping_alert_fires_in_turns_and_ends_with_its_trouble() {
        let t = trouble(100.0, 400.0, Some((50.0, 100.0)));
        assert_eq!(t.edges(1_000.0), [100.0, 150.0, 250.0, 300.0]);
        for (at, since) in
            [(99.0, None), (100.0, Some(100.0)), (160.0, None), (260.0, Some(250.0)), (400.0, None)]
        {
            assert_eq!(t.firing_since(at), since, "at {at}");
        }
    }

    proptest! {
        #[test]
        fn the_signal_is_bad_whenever_the_alert_fires_and_good_long_after(
            length in 200.0..3_000.0_f64, t in -1_000.0..5_000.0_f64, flaps: bool,
        ) {
            let trouble = trouble(0.0, length, flaps.then_some((100.0, 150.0)));
            let degree = trouble.degree(t);
            prop_assert!((0.0..=1.0).contains(&degree));
            if trouble.firing_since(t).is_none() && (t < -RISE || t > length + FALL) {
                prop_assert_eq!(degree, 0.0);
            }
            if trouble.firing_since(t).is_some_and(|s| t - s < 40.0) {
                prop_assert!(degree > 0.9, "{}", degree);
            }
        }
    }
}
