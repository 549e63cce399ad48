//! `[agent]`: what the console without a screen does beside what every console does.

use chrono::TimeDelta;

use super::channel::address;
use super::source::http;
use crate::config::reader::Section;
use crate::notify::switch::DeadMansSwitch;

/// How often it says that all is well, unless set otherwise.
const EVERY: TimeDelta = TimeDelta::minutes(1);
/// How long one ping may take.
const TIMEOUT: TimeDelta = TimeDelta::seconds(10);

/// The dead man's switch, if there is one.
pub fn agent(section: Option<Section<'_>>) -> Option<DeadMansSwitch> {
    let s = section?;
    let switch = s.section("dead_mans_switch");
    let read = switch.and_then(|s| {
        let every = s.duration("every", TimeDelta::seconds(1)..=TimeDelta::days(1));
        let timeout = s.duration("timeout", TimeDelta::seconds(1)..=TimeDelta::minutes(2));
        let http = http(&s);
        let url = address(&s, "url = \"https://hc.example/ping/…\" (or url_file)");
        let digest = s.digest();
        s.finish();
        let std = |time: TimeDelta| time.to_std().unwrap_or_default();
        let (every, timeout) = (std(every.unwrap_or(EVERY)), std(timeout.unwrap_or(TIMEOUT)));
        Some(DeadMansSwitch { url: url?, http, every, timeout, digest })
    });
    s.finish();
    read
}
