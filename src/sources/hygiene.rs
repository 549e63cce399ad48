//! Labels and annotations from outside, bounded and made harmless, and what all kinds of alerts share.

use std::collections::BTreeMap;
use std::fmt;

use chrono::TimeDelta;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::domain::health::ServiceId;
use crate::domain::matcher::{Labels, Matchers, Op};
use crate::domain::observation::{Fact, Heartbeat, Observation};
use crate::domain::text;
use crate::domain::time::{self, Instant};

/// How many labels of one alert are kept.
const MAX_LABELS: usize = 64;

/// How many ids (silences, inhibiting alerts) are kept of one alert.
const MAX_IDS: usize = 16;
/// Longest address kept, in bytes.
const MAX_LINK: usize = 4_096;
/// Longest id or label name kept, in characters.
const MAX_NAME: usize = 200;

/// How far a server's clock may be ahead of this machine's.
const MAX_AHEAD: TimeDelta = TimeDelta::days(1);

/// A label set, cleaned while it is read: at most 64 labels, each one harmless line.
#[derive(Debug, Default)]
pub struct CleanLabels(pub Labels);

/// Annotations, cleaned while they are read; line breaks are kept.
#[derive(Debug, Default)]
pub struct CleanTexts(pub Labels);

/// One harmless line, cleaned while it is read.
#[derive(Debug, Default)]
pub struct CleanLine(pub String);

/// An address, checked while it is read: see [`link`].
#[derive(Debug, Default)]
pub struct CleanLink(pub Option<String>);

/// Cleaned labels; those past the 64th are left out.
pub fn labels(raw: &BTreeMap<String, String>) -> Labels {
    raw.iter().take(MAX_LABELS).map(|(k, v)| (name(k), value(v))).collect()
}

/// Cleaned annotations, line breaks kept.
pub fn annotations(raw: &BTreeMap<String, String>) -> Labels {
    raw.iter().take(MAX_LABELS).map(|(k, v)| (name(k), lines(v))).collect()
}

/// Cleaned ids, as many as anybody reads.
pub fn ids(raw: Vec<CleanLine>) -> Vec<String> {
    raw.into_iter().take(MAX_IDS).map(|id| id.0).collect()
}

fn name(raw: &str) -> String {
    line(raw, MAX_NAME)
}

fn value(raw: &str) -> String {
    line(raw, text::MAX_LINE)
}

fn line(raw: &str, max: usize) -> String {
    if is_plain(raw, max) { raw.to_owned() } else { text::clean(raw, max) }
}

fn lines(raw: &str) -> String {
    if is_plain(raw, text::MAX_TEXT) {
        raw.to_owned()
    } else {
        text::clean_text(raw, text::MAX_TEXT)
    }
}

/// Printable ASCII of bounded length, without blanks at the ends: nearly all text, and harmless as
/// it is.
fn is_plain(text: &str, max: usize) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= max
        && bytes.iter().all(|b| (b' '..=b'~').contains(b))
        && bytes.first() != Some(&b' ')
        && bytes.last() != Some(&b' ')
}

/// Makes an escape of half a surrogate pair (`\ud83d` alone) one of `\ufffd`, in place: it is no
/// character, and one of them in one text would make the whole document unreadable.
pub fn mend_surrogates(json: &mut [u8]) {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|b| *b == b'\\') {
        let (_, escape) = rest.split_at_mut(at);
        let half = |at: usize| escape.get(at..at + 6).and_then(surrogate);
        let taken = match (half(0), half(6)) {
            (Some(Half::High), Some(Half::Low)) => 12,
            (Some(_), _) => {
                if let Some(digits) = escape.get_mut(2..6) {
                    digits.copy_from_slice(b"fffd");
                }
                6
            }
            // Whatever is escaped, a backslash too, is no beginning of another escape.
            (None, _) => 2,
        };
        rest = escape.get_mut(taken..).unwrap_or_default();
    }
}

/// Which half of a pair.
enum Half {
    High,
    Low,
}

/// The half that `\uXXXX` stands for, if it is one.
fn surrogate(escape: &[u8]) -> Option<Half> {
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xd800..=0xdbff => Some(Half::High),
        0xdc00..=0xdfff => Some(Half::Low),
        _ => None,
    }
}

/// A stable identity of a label set, the one that Prometheus and Alertmanager use: 64-bit FNV-1a over
/// the sorted names and values, each ended by the byte 255, as hexadecimal digits.
pub fn fingerprint(labels: &BTreeMap<String, String>) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes.iter().chain(&[0xff]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for (name, value) in labels {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    format!("{hash:016x}")
}

/// A heartbeat by its matchers: whether it fires, and when its origin last renewed it.
pub fn heartbeat(matchers: &Matchers, firing: bool, renewed_at: Option<Instant>) -> Heartbeat {
    let scope = matchers
        .iter()
        .filter(|m| m.op == Op::Equal && m.name != "alertname")
        .map(|m| (m.name.clone(), m.value.clone()))
        .collect();
    Heartbeat { matchers: matchers.to_string(), firing, scope, renewed_at }
}

/// Instants that nobody can mean (before 1970, more than a day ahead of `now`) become the nearest
/// that one can. Points of the past with such an instant go, and a renewal is none: one that moved
/// along with `now` would vouch for what it does not know.
pub fn bound_instants(observation: &mut Observation, now: Instant) {
    let bound = |at: &mut Instant| *at = (*at).clamp(Instant::UNIX_EPOCH, latest(now));
    for fact in &mut observation.facts {
        match fact {
            // Calendars and silences are about times to come.
            Fact::Services(_) | Fact::Shifts(_) | Fact::Windows(_) | Fact::Silences(_) => {}
            Fact::Signals(readings) => readings.iter_mut().for_each(|r| bound(&mut r.at)),
            Fact::Backfill(series) => {
                for s in series {
                    s.points.retain(|p| is_plausible(p.0, now));
                }
            }
            Fact::States(states) => states.iter_mut().for_each(|s| bound(&mut s.at)),
            Fact::Alerts(set) | Fact::Evidence(set) => {
                let alerts = set.alerts.iter_mut().chain(&mut set.pending);
                alerts.for_each(|a| bound(&mut a.starts_at));
                set.evaluating_since.as_mut().map(bound);
                for heartbeat in &mut set.heartbeats {
                    heartbeat.renewed_at = heartbeat.renewed_at.filter(|at| is_plausible(*at, now));
                }
            }
        }
    }
}

/// Whether an instant of a server can be meant: see [`bound_instants`].
pub fn is_plausible(at: Instant, now: Instant) -> bool {
    (Instant::UNIX_EPOCH..=latest(now)).contains(&at)
}

fn latest(now: Instant) -> Instant {
    time::before(now, -MAX_AHEAD).max(Instant::UNIX_EPOCH)
}

/// An address that may be opened: `http` or `https` only.
pub fn link(raw: &str) -> Option<String> {
    let schemes = ["http://", "https://"];
    let usual =
        schemes.iter().any(|s| raw.starts_with(s)) && raw.bytes().all(|b| b.is_ascii_graphic());
    let url = if usual {
        raw.to_owned()
    } else {
        let url = url::Url::parse(raw).ok().filter(|u| matches!(u.scheme(), "http" | "https"))?;
        url.to_string()
    };
    Some(url).filter(|u| u.len() <= MAX_LINK)
}

/// A service's id as somebody else wrote it; an error says what an id is.
pub fn service_id(raw: &str) -> Result<ServiceId, String> {
    let allowed = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '/' | ':')
    };
    if !raw.is_empty() && raw.len() <= MAX_NAME && raw.chars().all(allowed) {
        return Ok(ServiceId::new(raw));
    }
    let shown = text::clean(raw, 60);
    Err(format!("{shown:?} is not a service id; use lower case, digits and - _ . / :"))
}

impl<'de> Deserialize<'de> for CleanLine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text(value)).map(Self)
    }
}

impl<'de> Deserialize<'de> for CleanLink {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = deserializer.deserialize_str(Text(|raw: &str| link(raw).unwrap_or_default()))?;
        Ok(Self(Some(url).filter(|u| !u.is_empty())))
    }
}

impl<'de> Deserialize<'de> for CleanLabels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Pairs(value)).map(Self)
    }
}

impl<'de> Deserialize<'de> for CleanTexts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Pairs(lines)).map(Self)
    }
}

/// Reads a string through a function, without a copy before it.
#[derive(Clone, Copy)]
struct Text<F>(F);

impl<F: Fn(&str) -> String> Visitor<'_> for Text<F> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, raw: &str) -> Result<String, E> {
        Ok((self.0)(raw))
    }
}

impl<'de, F: Fn(&str) -> String> DeserializeSeed<'de> for Text<F> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

/// Reads a map of strings, the values through a function.
struct Pairs<F>(F);

impl<'de, F: Fn(&str) -> String + Copy> Visitor<'de> for Pairs<F> {
    type Value = Labels;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
        let mut pairs = BTreeMap::new();
        while let Some(key) = map.next_key_seed(Text(name))? {
            if pairs.len() < MAX_LABELS {
                pairs.insert(key, map.next_value_seed(Text(self.0))?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Labels::from(pairs))
    }

    fn visit_unit<E>(self) -> Result<Labels, E> {
        Ok(Labels::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case(r#""\ud83d ""#, "\u{fffd} ")]
    #[case(r#""\ud83d""#, "\u{fffd}")]
    #[case(r#""\ude00\ud83d\ude00""#, "\u{fffd}\u{1f600}")]
    #[case(r#""\uD83D\uDE00""#, "\u{1f600}")]
    #[case(r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}")]
    #[case(r#""\ud83d\n\u00e9""#, "\u{fffd}\n\u{e9}")]
    #[case(r#""\\ud83d""#, "\\ud83d")]
    #[case(r#""\\\ud83d""#, "\\\u{fffd}")]
    fn half_a_surrogate_pair_does_not_make_a_document_unreadable(
        #[case] json: &str,
        #[case] expect: &str,
    ) {
        let mut bytes = json.as_bytes().to_vec();
        mend_surrogates(&mut bytes);
        assert_eq!(serde_json::from_slice::<String>(&bytes).unwrap(), expect);
    }

    proptest! {
        #[test]
        fn what_could_be_read_stays_as_it_is(text in any::<String>(), cut in r"[\\uUdD83c0 ]{0,24}") {
            let json = serde_json::to_string(&text).unwrap();
            let mut mended = json.clone().into_bytes();
            mend_surrogates(&mut mended);
            prop_assert_eq!(mended, json.into_bytes());
            let mut cut = format!("\"{cut}\"").into_bytes();
            let before = serde_json::from_slice::<String>(&cut).ok();
            mend_surrogates(&mut cut);
            if before.is_some() {
                prop_assert_eq!(serde_json::from_slice::<String>(&cut).ok(), before);
            }
        }
    }

    #[test]
    fn hostile_labels_are_cleaned_and_their_number_is_bounded() {
        let mut raw: BTreeMap<String, String> =
            (0..100).map(|n| (format!("l{n:03}"), "v".to_owned())).collect();
        raw.insert("a".to_owned(), "x\u{1b}[31my\u{202e}".to_owned());
        let labels = labels(&raw);
        assert_eq!(labels.len(), MAX_LABELS);
        assert_eq!(labels.get("a").map(String::as_str), Some("xy"));
    }

    #[test]
    fn labels_are_cleaned_alike_whether_read_or_converted() {
        let raw: BTreeMap<String, String> = [
            ("plain", "value"),
            ("title", "x\u{1b}]0;owned\u{7}y"),
            ("blank ", " z\n "),
            ("\u{202e}bidi", "Múnich ☃"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
        let json = serde_json::to_string(&raw).unwrap();
        let read: CleanLabels = serde_json::from_str(&json).unwrap();
        assert_eq!(read.0, labels(&raw));
        let read: CleanTexts = serde_json::from_str(&json).unwrap();
        assert_eq!(read.0, annotations(&raw));
        assert_eq!(read.0.get("title").map(String::as_str), Some("xy"));
        assert!(serde_json::from_str::<CleanLabels>("null").unwrap().0.is_empty());
    }

    #[test]
    fn the_fingerprint_is_the_one_that_alertmanager_computes() {
        #[derive(serde::Deserialize)]
        struct Told {
            labels: BTreeMap<String, String>,
            fingerprint: String,
        }
        let told: Vec<Told> =
            serde_json::from_str(include_str!("../../tests/fixtures/alertmanager/alerts.json"))
                .unwrap();
        assert_eq!(told.len(), 12);
        for alert in told {
            assert_eq!(fingerprint(&alert.labels), alert.fingerprint);
        }
    }

    #[test]
    fn instants_that_nobody_can_mean_are_bounded_and_renew_nothing() {
        use crate::domain::observation::{Alert, AlertSet, AlertStatus, Reading, Series};
        let now: Instant = "2026-11-24T14:00:00Z".parse().unwrap();
        let service = ServiceId::new("shop");
        let alert = |starts_at| Alert {
            fingerprint: String::new(),
            labels: Labels::new(),
            annotations: Labels::new(),
            starts_at,
            status: AlertStatus::Active,
            generator_url: None,
            service: None,
        };
        let pulse = |at| heartbeat(&Matchers::parse("alertname=\"Watchdog\"").unwrap(), true, at);
        let all = [Instant::MIN_UTC, Instant::MAX_UTC, now];
        let reading = |at| Reading { service: service.clone(), signal: "s".into(), value: 1.0, at };
        let mut observation = Observation {
            source: "prom".into(),
            at: now,
            server: String::new(),
            facts: vec![
                Fact::Signals(all.map(reading).into()),
                Fact::Backfill(vec![Series {
                    service: service.clone(),
                    signal: "s".into(),
                    points: all.map(|at| (at, 1.0)).into(),
                }]),
                Fact::Alerts(AlertSet {
                    alerts: all.map(alert).into(),
                    heartbeats: all.map(|at| pulse(Some(at))).into(),
                    evaluating_since: Some(Instant::MAX_UTC),
                    ..AlertSet::default()
                }),
            ],
            warnings: Vec::new(),
        };
        bound_instants(&mut observation, now);
        let expect = [Instant::UNIX_EPOCH, now + MAX_AHEAD, now];
        let [Fact::Signals(readings), Fact::Backfill(series), Fact::Alerts(set)] =
            observation.facts.as_slice()
        else {
            panic!()
        };
        assert!(readings.iter().map(|r| r.at).eq(expect));
        assert_eq!(series[0].points, [(now, 1.0)]);
        assert!(set.alerts.iter().map(|a| a.starts_at).eq(expect));
        assert!(set.heartbeats.iter().map(|h| h.renewed_at).eq([None, None, Some(now)]));
        assert_eq!(set.evaluating_since, Some(now + MAX_AHEAD));
    }

    #[test]
    fn only_web_addresses_are_links() {
        assert!(link("http://h/graph?g0.expr=up").is_some());
        assert_eq!(link("javascript:alert(1)"), None);
        assert_eq!(link("file:///etc/passwd"), None);
    }

    #[test]
    fn the_fingerprint_depends_on_names_and_values_and_nothing_else() {
        let of = |pairs: &[(&str, &str)]| {
            fingerprint(&pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
        };
        assert_eq!(of(&[("a", "1"), ("b", "2")]), of(&[("b", "2"), ("a", "1")]));
        assert_ne!(of(&[("a", "1")]), of(&[("a", "2")]));
        assert_ne!(of(&[("ab", "c")]), of(&[("a", "bc")]));
    }
}
