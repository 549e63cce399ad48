//! What people silence in the made-up world: kept as long as the program runs, as a server would.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::matcher::Matchers;
use crate::domain::observation::{AlertSet, AlertStatus};
use crate::domain::time::Instant;
use crate::domain::upstream::{Call, Ended, Order, Silence, SilenceState};

/// Shared by whoever gives orders and by the source that shows what became of them.
#[derive(Debug, Clone, Default)]
pub struct Made(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    silences: Vec<(Matchers, Silence)>,
    /// By id: other ends than they were made with, those of the script among them.
    ends: BTreeMap<String, Instant>,
}

impl PartialEq for Made {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Made {
    /// Carries an order out; whatever is no silence is done as if.
    pub fn carry_out(&self, order: &Order) -> Ended {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match &order.what.call {
            Call::Silence { matchers, until, comment } => {
                let silence = Silence {
                    id: order.key(),
                    state: SilenceState::Active,
                    matchers: matchers.to_string(),
                    created_by: order.by.clone(),
                    comment: order.tagged(comment),
                    starts_at: order.at,
                    ends_at: *until,
                    matches: Some(0),
                };
                kept.silences.retain(|(_, known)| known.id != silence.id);
                kept.silences.push((matchers.clone(), silence));
                Some(order.key())
            }
            Call::Extend { silence, until } => {
                kept.ends.insert(silence.clone(), *until);
                Some(silence.clone())
            }
            Call::Expire { silence } => {
                kept.ends.insert(silence.clone(), order.at);
                None
            }
            _ => None,
        };
        Ended::Done { said: "as if".to_owned(), made }
    }

    /// Marks the alerts that are silenced now, and returns all silences that are not over: with those
    /// of the script, as people changed them.
    pub fn silenced(
        &self,
        alerts: &mut AlertSet,
        script: impl FnOnce(&AlertSet) -> Vec<Silence>,
        now: Instant,
    ) -> Vec<Silence> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = |id: &str, own: Instant| kept.ends.get(id).copied().unwrap_or(own);
        let mut all = script(alerts);
        for alert in &mut alerts.alerts {
            if let AlertStatus::Silenced { by } = &mut alert.status {
                by.retain(|id| kept.ends.get(id).is_none_or(|end| *end > now));
                if by.is_empty() {
                    alert.status = AlertStatus::Active;
                }
            }
        }
        for (matchers, silence) in &kept.silences {
            let mut silence = silence.clone();
            silence.ends_at = end(&silence.id, silence.ends_at);
            if silence.ends_at <= now {
                continue;
            }
            let hit = alerts.alerts.iter_mut().filter(|a| matchers.matches(&a.labels));
            let mut matches = 0;
            for alert in hit {
                matches += 1;
                match &mut alert.status {
                    AlertStatus::Silenced { by } => by.push(silence.id.clone()),
                    status => *status = AlertStatus::Silenced { by: vec![silence.id.clone()] },
                }
            }
            silence.matches = Some(matches);
            all.push(silence);
        }
        for silence in &mut all {
            silence.ends_at = end(&silence.id, silence.ends_at);
        }
        all.retain(|s| s.ends_at > now);
        all.sort_by_key(|s| s.ends_at);
        all
    }
}
