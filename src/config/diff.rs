//! What a new configuration changes: what can take effect at once, and what needs a restart.

use std::sync::Arc;

use super::Config;

/// The differences between two configurations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Site, services, policy, people and schedules, or history.
    pub plan: bool,
    /// Sources to be set up anew, started or ended, by name.
    pub sources: Vec<Arc<str>>,
    pub ui: bool,
    pub notify: bool,
    /// How people are paged.
    pub channels: bool,
    /// The reports that are issued by themselves.
    pub reports: bool,
    /// What takes effect only after a restart, as keys of the file.
    pub restart: Vec<&'static str>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The channels, each with the number of what it was made from.
fn channels(config: &Config) -> Vec<(&str, u64)> {
    config.channels.iter().map(|c| (&*c.id, c.digest)).collect()
}

/// Compares what is in force with what was read.
pub fn diff(old: &Config, new: &Config) -> Changes {
    let mut sources: Vec<Arc<str>> = old
        .digests
        .keys()
        .chain(new.digests.keys())
        .filter(|name| old.digests.get(*name) != new.digests.get(*name))
        .cloned()
        .collect();
    // Where no source is configured, the host is watched without having a digest.
    if old.digests.is_empty() != new.digests.is_empty() {
        sources.push(Arc::from("host"));
    }
    sources.sort();
    sources.dedup();
    let mut restart = Vec::new();
    if old.store != new.store {
        restart.push("store.url");
    }
    if old.ui.escape != new.ui.escape {
        restart.push("ui.escape_ms");
    }
    if old.ui.colour != new.ui.colour {
        restart.push("ui.colour");
    }
    if old.ui.glyphs != new.ui.glyphs {
        restart.push("ui.glyphs");
    }
    if old.operator != new.operator {
        restart.push("operator.name");
    }
    if old.switch.as_ref().map(|s| s.digest) != new.switch.as_ref().map(|s| s.digest) {
        restart.push("agent.dead_mans_switch");
    }
    if old.person != new.person {
        restart.push("operator.person");
    }
    Changes {
        plan: old.plan != new.plan,
        sources,
        ui: old.ui != new.ui || old.locale != new.locale,
        notify: old.notify != new.notify,
        channels: channels(old) != channels(new),
        reports: old.reports != new.reports,
        restart,
    }
}
