//! How fast the answers of monitoring systems are read: a range answer of 1,000 series of 720 points,
//! and an Alertmanager's 50,000 alerts.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use atalaya::sources::alertmanager;
use atalaya::sources::prometheus::answer;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SERIES: usize = 1_000;
const POINTS: usize = 720;
const ALERTS: usize = 50_000;

/// As Prometheus writes it: values of a rate, all digits shown.
fn range() -> String {
    let mut text = r#"{"status":"success","data":{"resultType":"matrix","result":["#.to_owned();
    for series in 0..SERIES {
        let comma = if series == 0 { "" } else { "," };
        let _ = write!(
            text,
            r#"{comma}{{"metric":{{"instance":"host-{series}:9100","job":"node"}},"values":["#
        );
        for point in 0..POINTS {
            let comma = if point == 0 { "" } else { "," };
            let value = (series * 31 + point * 17) as f64 / 7.0;
            let at = 1_795_000_000 + point * 30;
            let _ = write!(text, r#"{comma}[{at},"{value}"]"#);
        }
        text.push_str("]}");
    }
    text.push_str("]}}");
    text
}

fn alerts() -> String {
    let mut text = "[".to_owned();
    for n in 0..ALERTS {
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(
            text,
            r#"{comma}{{"annotations":{{"description":"Instance host-{n} of service-{s} does not answer scrapes.","runbook_url":"https://runbooks.example/service-{s}/instance-down","summary":"host-{n} is down"}},"endsAt":"2026-11-23T07:09:38.194Z","fingerprint":"{n:016x}","receivers":[{{"name":"hook"}}],"startsAt":"2026-11-23T07:08:47.194Z","status":{{"inhibitedBy":[],"silencedBy":[],"state":"active"}},"updatedAt":"2026-11-23T07:08:58.233Z","generatorURL":"http://prometheus:9090/graph?g0.expr=up%7Bjob%3D%22simfleet%22%7D+%3D%3D+0\u0026g0.tab=1","labels":{{"alertname":"InstanceDown","cluster":"one","instance":"host-{n}","job":"fleet","priority":"P3","service":"service-{s}","severity":"warning","team":"payments","tier":"1"}}}}"#,
            s = n % 500
        );
    }
    text.push(']');
    text
}

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    let body = range();
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("prometheus range, 1,000 series x 720 points", |b| {
        b.iter(|| answer::count_samples(black_box(body.as_bytes())));
    });
    let body = alerts();
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("alertmanager, 50,000 alerts", |b| {
        b.iter(|| alertmanager::parse(black_box(body.as_bytes())).map(|alerts| alerts.len()));
    });
    group.finish();
}

criterion_group!(benches, read);
criterion_main!(benches);
