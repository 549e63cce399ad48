//! What Prometheus (and what speaks like it) answers, read without copies: samples go from the
//! bytes straight into numbers.

use std::collections::BTreeMap;
use std::fmt;

use chrono::DateTime;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::value::RawValue;

use super::super::http_client::{Answer, address};
use super::super::{SourceError, hygiene};
use crate::domain::time::Instant;

/// How many of a server's own warnings are repeated.
const MAX_WARNINGS: usize = 8;
/// Longest of the server's words repeated, in characters.
const MAX_SAID: usize = 300;

/// Why a question got no usable answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The server understood the request and could not evaluate this query; others may succeed.
    Query(String),
    /// No answer, or one that is not Prometheus's.
    Source(SourceError),
}

/// Data, with what the server remarked about it.
#[derive(Debug, PartialEq)]
pub struct Told<T> {
    pub data: T,
    pub warnings: Vec<String>,
}

/// The one value of an instant query.
#[derive(Debug, PartialEq)]
pub struct Value {
    /// `None`: the query finds no series.
    pub sample: Option<(Instant, f64)>,
    /// How many series it gives; the value is that of the first in the order of labels.
    pub series: usize,
}

/// One series of a range query.
#[derive(Debug, PartialEq, Deserialize)]
pub struct RangeSeries {
    #[serde(default)]
    pub metric: BTreeMap<String, String>,
    /// Oldest first. Empty where the series has native histograms only.
    #[serde(default)]
    pub values: Vec<Sample>,
}

/// `[seconds, "value"]`; the value is text because JSON has no `NaN` and `+Inf`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Sample(f64, Float);

/// One alert as `/api/v1/alerts` tells it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WireAlert {
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: hygiene::CleanTexts,
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub active_at: Option<Instant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<T> {
    #[serde(default)]
    status: String,
    #[serde(default = "nothing")]
    data: Option<T>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    warnings: Vec<String>,
    /// VictoriaMetrics: a part of the cluster did not answer.
    #[serde(default)]
    is_partial: bool,
}

fn nothing<T>() -> Option<T> {
    None
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evaluated<'a> {
    result_type: String,
    #[serde(borrow)]
    result: &'a RawValue,
}

#[derive(Deserialize)]
struct Matrix {
    result: Vec<RangeSeries>,
}

#[derive(Deserialize)]
struct VectorItem {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(default)]
    value: Option<Sample>,
}

#[derive(Deserialize)]
struct Alerts {
    alerts: Vec<WireAlert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuntimeInfo {
    #[serde(default)]
    start_time: Option<Instant>,
}

#[derive(Deserialize)]
struct BuildInfo {
    #[serde(default)]
    application: hygiene::CleanLine,
    #[serde(default)]
    version: hygiene::CleanLine,
}

/// Takes the data out of the envelope. Data can come together with an error, which then is a
/// warning; an error without data is the query's if the server says so in Prometheus's own form.
fn open<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Result<Told<T>, Refusal> {
    let envelope: Envelope<T> = match serde_json::from_slice(&answer.body) {
        Ok(envelope) => envelope,
        Err(error) if answer.status.is_success() => {
            return Err(Refusal::Source(answer.not_json(&error)));
        }
        Err(_) => return Err(Refusal::Source(not_prometheus(answer))),
    };
    let mut warnings = Vec::new();
    if !envelope.error.is_empty() {
        warnings.push(explain(&envelope.error_type, &answer.words(&envelope.error, MAX_SAID)));
    }
    let said = envelope.warnings.iter().take(MAX_WARNINGS);
    warnings.extend(said.map(|w| answer.words(w, MAX_SAID)));
    if envelope.is_partial {
        warnings.push("the answer is partial: some of its storage did not answer".to_owned());
    }
    match envelope.data {
        Some(data) => Ok(Told { data, warnings }),
        None if envelope.status == "error" && !envelope.error.is_empty() => {
            Err(Refusal::Query(warnings.swap_remove(0)))
        }
        None => Err(Refusal::Source(not_prometheus(answer))),
    }
}

fn not_prometheus(answer: &Answer) -> SourceError {
    if !answer.status.is_success() {
        return answer.unexpected();
    }
    let at = address(&answer.url);
    SourceError::BadAnswer(format!("{at} does not answer like a Prometheus: check the url"))
}

/// The server's words, and what helps.
fn explain(kind: &str, said: &str) -> String {
    let remedy = match kind {
        "bad_data" | "execution" | "422" | "400" => "; correct the query",
        "timeout" | "503" => "; make it cheaper (a recording rule), or raise the source's timeout",
        _ => "",
    };
    format!("the server says: {said}{remedy}")
}

/// Reads the answer to an instant query that should give one number.
pub fn value(answer: &Answer) -> Result<Told<Value>, Refusal> {
    let Told { data, warnings } = open::<Evaluated<'_>>(answer)?;
    let wrong = |e: serde_json::Error| Refusal::Source(answer.not_json(&e));
    let data = match data.result_type.as_str() {
        "scalar" => {
            let sample: Sample = serde_json::from_str(data.result.get()).map_err(wrong)?;
            Value { sample: sample.at(), series: 1 }
        }
        "vector" => {
            let items: Vec<VectorItem> = serde_json::from_str(data.result.get()).map_err(wrong)?;
            let series = items.len();
            let first = items.into_iter().min_by(|a, b| a.metric.cmp(&b.metric));
            if first.as_ref().is_some_and(|item| item.value.is_none()) {
                return Err(Refusal::Query(
                    "the query gives a native histogram; take a number from it, as \
                     histogram_quantile() does"
                        .to_owned(),
                ));
            }
            Value { sample: first.and_then(|i| i.value).and_then(Sample::at), series }
        }
        other => {
            return Err(Refusal::Query(format!(
                "the query gives a {}, not a number; apply a function such as rate() or \
                 last_over_time()",
                answer.words(other, 40)
            )));
        }
    };
    Ok(Told { data, warnings })
}

/// Reads the answer to a range query.
pub fn range(answer: &Answer) -> Result<Told<Vec<RangeSeries>>, Refusal> {
    let Told { data, warnings } = open::<Matrix>(answer)?;
    Ok(Told { data: data.result, warnings })
}

/// Whether a warning says that something may be missing; those about the query itself do not.
pub fn is_partial(warning: &str) -> bool {
    !warning.starts_with("PromQL ")
}

/// Reads the body of a range answer, for the benchmark: the number of samples that are numbers.
pub fn count_samples(body: &[u8]) -> Option<usize> {
    let data = serde_json::from_slice::<Envelope<Matrix>>(body).ok()?.data?;
    let numbers = |s: &RangeSeries| s.values.iter().filter(|s| !s.1.0.is_nan()).count();
    Some(data.result.iter().map(numbers).sum())
}

/// The points of the first series in the order of labels, oldest first.
pub fn points(series: Vec<RangeSeries>) -> Vec<(Instant, f64)> {
    let first = series.into_iter().min_by(|a, b| a.metric.cmp(&b.metric));
    first.map(|s| s.values.into_iter().filter_map(Sample::at).collect()).unwrap_or_default()
}

/// Reads `/api/v1/alerts`.
pub fn alerts(answer: &Answer) -> Result<Vec<WireAlert>, Refusal> {
    Ok(open::<Alerts>(answer)?.data.alerts)
}

/// What the server calls itself; some who speak the language do not say.
pub fn server(answer: &Answer) -> Result<Told<String>, Refusal> {
    let Told { data: BuildInfo { application, version }, warnings } = open(answer)?;
    let data = match (application.0.as_str(), version.0.as_str()) {
        ("", "") => "Prometheus API".to_owned(),
        ("", version) => format!("Prometheus {version}"),
        (name, version) => format!("{name} {version}").trim_end().to_owned(),
    };
    Ok(Told { data, warnings })
}

/// When the server was started, if it says so.
pub fn started(answer: &Answer) -> Option<Instant> {
    open::<RuntimeInfo>(answer).ok()?.data.start_time
}

impl RangeSeries {
    /// Its labels and its points, oldest first.
    pub fn into_points(self) -> (BTreeMap<String, String>, Vec<(Instant, f64)>) {
        (self.metric, self.values.into_iter().filter_map(Sample::at).collect())
    }
}

impl Sample {
    /// The sample with its instant; `None` for a time that no calendar has.
    fn at(self) -> Option<(Instant, f64)> {
        let at = DateTime::from_timestamp_millis((self.0 * 1_000.0).round() as i64)?;
        Some((at, self.1.0))
    }
}

/// A number written as text: `1.5e-07`, `NaN`, `+Inf`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Float(f64);

impl<'de> Deserialize<'de> for Float {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Float;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number as text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Float, E> {
                text.parse().map(Float).map_err(|_| E::custom("a sample that is not a number"))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::secret::Hidden;
    use super::*;
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;
    use rstest::rstest;

    macro_rules! recorded {
        ($status:expr, $path:literal) => {
            told($status, include_bytes!(concat!("../../../tests/fixtures/", $path)))
        };
    }

    fn told(status: u16, body: &[u8]) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: body.to_vec(),
            url: "http://prom:9090/api/v1/query".parse().unwrap(),
            hidden: Hidden::default(),
        }
    }

    fn number(answer: &Answer) -> (Option<f64>, usize) {
        let value = value(answer).unwrap().data;
        (value.sample.map(|s| s.1), value.series)
    }

    fn refused(outcome: Result<Told<Value>, Refusal>) -> String {
        match outcome {
            Err(Refusal::Query(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[rstest]
    #[case(recorded!(200, "prometheus/query_scalar.json"), Some(42.5), 1)]
    #[case(recorded!(200, "victoriametrics/query_scalar.json"), Some(42.5), 1)]
    #[case(recorded!(200, "prometheus/query_inf_scalar.json"), Some(f64::INFINITY), 1)]
    #[case(recorded!(200, "prometheus/query_vector.json"), Some(0.0), 4)]
    #[case(recorded!(200, "prometheus/query_vector_empty.json"), None, 0)]
    #[case(recorded!(200, "prometheus/query_special_values.json"), Some(f64::INFINITY), 6)]
    fn an_instant_answer_is_one_number(
        #[case] answer: Answer,
        #[case] expect: Option<f64>,
        #[case] series: usize,
    ) {
        assert_eq!(number(&answer), (expect, series));
    }

    #[test]
    fn the_instant_is_the_servers() {
        let told = value(&recorded!(200, "prometheus/query_scalar.json")).unwrap();
        let (at, _) = told.data.sample.unwrap();
        assert_eq!(at.timestamp_millis(), 1_795_417_737_770);
    }

    #[test]
    fn nan_is_a_value_and_not_an_absence() {
        let (value, series) = number(&recorded!(200, "prometheus/query_nan_division.json"));
        assert!(value.unwrap().is_nan());
        assert_eq!(series, 1);
    }

    #[rstest]
    #[case("NaN", f64::NAN)]
    #[case("+Inf", f64::INFINITY)]
    #[case("-Inf", f64::NEG_INFINITY)]
    #[case("1e-07", 1e-7)]
    #[case("5e-324", 5e-324)]
    #[case("1.7976931348623157e+308", f64::MAX)]
    #[case("-0", -0.0)]
    fn every_way_to_write_a_number_is_read(#[case] text: &str, #[case] expect: f64) {
        let sample: Sample = serde_json::from_str(&format!("[1.5,\"{text}\"]")).unwrap();
        assert_eq!(sample.1.0.to_bits() << 1, expect.to_bits() << 1);
    }

    #[test]
    fn of_several_series_the_first_in_the_order_of_labels_counts() {
        let answer = told(
            200,
            br#"{"status":"success","data":{"resultType":"vector","result":[
                {"metric":{"b":"1"},"value":[1,"10"]},{"metric":{"a":"2"},"value":[1,"20"]},
                {"metric":{"a":"1"},"value":[1,"30"]}]}}"#,
        );
        assert_eq!(number(&answer), (Some(30.0), 3));
    }

    #[rstest]
    #[case(recorded!(200, "prometheus/query_string.json"), "gives a string")]
    #[case(recorded!(200, "prometheus/query_matrix.json"), "gives a matrix")]
    #[case(recorded!(400, "prometheus/error_parse.json"), "unclosed left parenthesis; correct")]
    #[case(recorded!(422, "prometheus/error_many_to_many.json"), "correct the query")]
    #[case(recorded!(503, "prometheus/error_query_timeout.json"), "raise the source's timeout")]
    #[case(recorded!(422, "victoriametrics/error_parse.json"), "correct the query")]
    fn a_query_that_cannot_be_evaluated_says_why(#[case] answer: Answer, #[case] expect: &str) {
        let why = refused(value(&answer));
        assert!(why.contains(expect), "{why}");
    }

    #[rstest]
    #[case(recorded!(404, "prometheus/error_not_found.txt"), "does not exist (404")]
    #[case(recorded!(400, "victoriametrics/error_not_found.txt"), "status 400")]
    #[case(told(200, b"<html><title>Sign in</title></html>"), "a web page instead of JSON")]
    #[case(told(200, b""), "answered with nothing")]
    #[case(told(502, b"<html>bad gateway</html>"), "failed (502)")]
    #[case(told(200, b"{\"status\":\"success\"}"), "like a Prometheus")]
    fn an_answer_that_is_not_prometheus_is_the_sources_failure(
        #[case] answer: Answer,
        #[case] expect: &str,
    ) {
        let Err(Refusal::Source(error)) = value(&answer) else { panic!() };
        assert!(error.to_string().contains(expect), "{error}");
    }

    #[test]
    fn data_with_an_error_is_data_and_a_warning() {
        let answer = told(
            422,
            br#"{"status":"error","errorType":"execution","error":"one store is down",
                "warnings":["partial"],"data":{"resultType":"scalar","result":[1,"7"]}}"#,
        );
        let told = value(&answer).unwrap();
        assert_eq!(told.data.sample.unwrap().1, 7.0);
        assert_eq!(told.warnings.len(), 2);
        assert!(told.warnings[0].contains("one store is down"), "{:?}", told.warnings);
    }

    #[test]
    fn a_native_histogram_is_explained() {
        let answer = told(
            200,
            br#"{"status":"success","data":{"resultType":"vector","result":[
                {"metric":{},"histogram":[1,{"count":"3","sum":"4","buckets":[]}]}]}}"#,
        );
        assert!(refused(value(&answer)).contains("histogram_quantile"));
    }

    #[rstest]
    #[case(recorded!(200, "prometheus/range_matrix.json"), 5)]
    #[case(recorded!(200, "prometheus/range_nan.json"), 3)]
    #[case(recorded!(200, "prometheus/range_scalar.json"), 3)]
    #[case(recorded!(200, "prometheus/range_empty.json"), 0)]
    #[case(recorded!(200, "victoriametrics/range_matrix.json"), 7)]
    fn a_range_answer_is_points_oldest_first(#[case] answer: Answer, #[case] expect: usize) {
        let points = points(range(&answer).unwrap().data);
        assert_eq!(points.len(), expect);
        assert!(points.is_sorted_by_key(|p| p.0));
    }

    #[test]
    fn the_server_is_named_by_its_version_where_it_tells_one() {
        let server = |answer: Answer| server(&answer).unwrap().data;
        let prometheus = recorded!(200, "prometheus/buildinfo.json");
        assert_eq!(server(prometheus), "Prometheus 2.42.0+ds");
        assert_eq!(server(recorded!(200, "victoriametrics/buildinfo.json")), "Prometheus API");
        let mimir =
            br#"{"status":"success","data":{"application":"Grafana Mimir","version":"2.9"}}"#;
        assert_eq!(server(told(200, mimir)), "Grafana Mimir 2.9");
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let mut body = br#"{"status":"success","data":"#.to_vec();
        body.extend(std::iter::repeat_n(b'[', 200_000));
        assert!(matches!(value(&told(200, &body)), Err(Refusal::Source(_))));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(body: Vec<u8>, status in 200_u16..600) {
            let answer = told(status, &body);
            let _ = (value(&answer).is_ok(), range(&answer).is_ok(), alerts(&answer).is_ok());
            let _ = server(&answer).is_ok();
        }

        #[test]
        fn no_damage_to_an_answer_makes_the_readers_panic(at in 0_usize..530, byte: u8, cut: bool) {
            let mut answer = recorded!(200, "prometheus/range_matrix.json");
            let at = at % answer.body.len();
            answer.body[at] = byte;
            if cut {
                answer.body.truncate(at);
            }
            let _ = (value(&answer).is_ok(), range(&answer).map(|t| points(t.data)).is_ok());
        }
    }
}
