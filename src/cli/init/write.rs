//! The plan in the making as a commented config file.

use std::fmt::Write as _;

use super::draft::{DraftService, DraftSignal, LeftOut, quoted};
use super::rota::{self, Rota};
use crate::domain::health::{Dimension, Direction};

/// What is written beside the services.
#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    pub prometheus: Option<String>,
    pub alertmanagers: Vec<String>,
    /// Matchers of the alerts that always fire.
    pub heartbeats: Vec<String>,
}

/// The name that the source gets in the file.
pub const PROMETHEUS: &str = "prometheus";
pub const ALERTMANAGER: &str = "alertmanager";

/// The whole file.
pub fn file(
    upstreams: &Upstreams,
    services: &[DraftService],
    rota: &Rota,
    left_out: &[LeftOut],
) -> String {
    let mut out = String::from(
        "# Written by `atalaya init` from what other systems know; change it as you like.\n\
         # Every setting there is stands in the commented example: `atalaya init --stdout`.\n\
         # `atalaya check` validates this file and reaches every source.\n\n",
    );
    let list = |items: &[String]| items.iter().map(|i| text(i)).collect::<Vec<_>>().join(", ");
    let heartbeat = list(&upstreams.heartbeats);
    if let Some(url) = &upstreams.prometheus {
        line(&mut out, "[[sources]]");
        line(&mut out, &format!("name = {}\nkind = \"prometheus\"", text(PROMETHEUS)));
        line(&mut out, &format!("url = {}", text(url)));
        if upstreams.alertmanagers.is_empty() {
            line(&mut out, "alerts = true");
            if !heartbeat.is_empty() {
                line(&mut out, &format!("heartbeat = [{heartbeat}]"));
            }
        } else {
            line(
                &mut out,
                "# Its alerts are read from the Alertmanager, which also knows silences.",
            );
            line(&mut out, "alerts = false");
        }
        line(&mut out, "# auth = { bearer_file = \"/path/to/token\" }\n");
    }
    if !upstreams.alertmanagers.is_empty() {
        line(&mut out, "[[sources]]");
        line(&mut out, &format!("name = {}\nkind = \"alertmanager\"", text(ALERTMANAGER)));
        line(&mut out, "# The members of one cluster.");
        line(&mut out, &format!("urls = [{}]", list(&upstreams.alertmanagers)));
        if upstreams.prometheus.is_some() {
            line(&mut out, &format!("origins = [{}]", text(PROMETHEUS)));
        }
        if !heartbeat.is_empty() {
            line(&mut out, &format!("heartbeat = [{heartbeat}]"));
        }
        out.push('\n');
    }
    if services.iter().any(|s| s.label == "job") {
        line(
            &mut out,
            "# The first service that matches an alert takes it: those that the label service",
        );
        line(&mut out, "# names stand before those that are known by their job.\n");
    }
    for s in services {
        service(&mut out, s);
    }
    if let Some(from) = rota.from() {
        line(&mut out, &format!("# The rota, from {from}.\n"));
        out.push_str(&rota::toml::tables(rota));
    }
    if !left_out.is_empty() {
        line(&mut out, "# Not carried over:");
        for item in left_out {
            line(&mut out, &format!("#   {}: {}", item.what, item.why));
        }
    }
    out
}

fn service(out: &mut String, s: &DraftService) {
    line(out, &format!("[[services]]\nid = {}", text(&s.id)));
    if s.name != s.id {
        line(out, &format!("name = {}", text(&s.name)));
    }
    if let Some(tier) = s.tier {
        line(out, &format!("tier = {tier}"));
    }
    if let Some(team) = &s.team {
        line(out, &format!("team = {}", text(team)));
    }
    let matcher = format!("{}=\"{}\"", s.label, quoted(&s.value));
    line(out, &format!("match = [{}]", text(&matcher)));
    for g in &s.signals {
        signal(out, g);
    }
    out.push('\n');
}

fn signal(out: &mut String, g: &DraftSignal) {
    line(out, &format!("[[services.signals]]\nname = {}", text(&g.name)));
    if g.dimension != Dimension::default() {
        line(out, &format!("dimension = {}", text(g.dimension.word())));
    }
    line(out, &format!("source = {}\nquery = {}", text(PROMETHEUS), text(&g.query)));
    if !g.unit.is_empty() {
        line(out, &format!("unit = {}", text(g.unit)));
    }
    for (key, limit) in [("warn", g.warn), ("crit", g.crit)] {
        if let Some(limit) = limit {
            line(out, &format!("{key} = {}", number(limit)));
        }
    }
    if g.direction == Direction::Below {
        line(out, "direction = \"below\"");
    }
    if g.hold_s > 0 {
        line(out, &format!("for = \"{}s\"", g.hold_s));
    }
}

pub fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{text}");
}

/// A TOML string; single quotes where that saves escapes.
pub fn text(value: &str) -> String {
    let plain = !value.contains('\'') && !value.chars().any(char::is_control);
    if value.contains(['"', '\\']) && plain {
        return format!("'{value}'");
    }
    toml::Value::String(value.to_owned()).to_string()
}

/// TOML wants a digit on both sides of a dot, and no dot is an integer.
fn number(n: f64) -> String {
    if n.fract() == 0.0 && n.abs() < 1e15 { format!("{n:.0}") } else { format!("{n:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("plain")]
    #[case("with \"quotes\" and \\")]
    #[case("with 'both' \"quotes\"")]
    #[case("a\nline")]
    fn a_text_reads_back_as_it_was(#[case] value: &str) {
        let table: toml::Table = format!("x = {}", text(value)).parse().unwrap();
        assert_eq!(table["x"].as_str(), Some(value));
    }

    #[rstest]
    #[case(0.5, "0.5")]
    #[case(1_209_600.0, "1209600")]
    #[case(1e-7, "1e-7")]
    #[case(1e20, "1e20")]
    fn a_number_is_toml(#[case] n: f64, #[case] expect: &str) {
        assert_eq!(number(n), expect);
        assert!(format!("x = {expect}").parse::<toml::Table>().is_ok());
    }
}
