//! Orders in the core: what is done to incidents is told to their sources, and taken back.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::upstream::{
    Call, Command as Ask, Ended, OrderId, Request, Standing, Upstream, UpstreamKind,
};

/// `prom` wants to know of acknowledgements; `am` takes silences.
fn world() -> World {
    let told = |action: &str| (action.to_owned(), BTreeSet::from(["id".to_owned()]));
    let upstream = |kind, actions| Upstream { kind, timeout: TimeDelta::seconds(10), actions };
    let actions = BTreeMap::from([told("acknowledge"), told("unacknowledge")]);
    let mut plan = plan("");
    plan.upstreams = [
        ("prom".into(), upstream(UpstreamKind::Told, actions)),
        ("am".into(), upstream(UpstreamKind::Alertmanager, BTreeMap::new())),
    ]
    .into();
    World::new(plan)
}

fn orders(world: &World) -> Vec<(u64, String)> {
    let one = |o: &Arc<crate::domain::upstream::Order>| match &o.what.call {
        Call::Tell { action, values } => (o.what.id.0, format!("{action} {}", values["id"])),
        other => (o.what.id.0, other.words()),
    };
    world.state.orders().iter().map(one).collect()
}

#[test]
fn an_acknowledgement_is_told_to_the_source_of_each_incident_and_so_is_its_undo() {
    let mut world = world();
    world.prometheus(&[alert("alertname=A"), alert("alertname=B")], 0);
    let targets = [1, 2].map(|n| Target { id: IncidentId(n), seen: 0 }).to_vec();
    world.ask("ana", Command::Act { targets, action: ack() }, 1);
    let both = [(1, "acknowledge INC-1".to_owned()), (2, "acknowledge INC-2".to_owned())];
    assert_eq!(orders(&world), both);
    world.undo("ana", 1, 2);
    assert_eq!(orders(&world)[2], (3, "unacknowledge INC-1".to_owned()));
    world.act("ana", 2, resolve(), 3);
    assert_eq!(orders(&world).len(), 3, "nobody asked to be told of that");
    let id = world.report("ana", "by hand", 4);
    world.act("ana", id.0, ack(), 5);
    assert_eq!(orders(&world).len(), 3, "it comes from no source");
}

#[test]
fn what_becomes_of_an_order_is_news_once_it_is_done_or_has_failed() {
    let mut world = world();
    let call = Call::Silence {
        matchers: crate::domain::matcher::Matchers::parse("a=b").unwrap(),
        until: at(3_600),
        comment: "x".to_owned(),
    };
    let request = Request { source: "am".into(), about: None, call };
    let ask = |world: &mut World, ask, seconds| {
        world.ask("ana", Command::Upstream(ask), seconds).remove(0).verdict
    };
    assert!(ask(&mut world, Ask::Order(request), 0).is_done());
    let (order, attempt) = (OrderId(1), 1);
    assert!(ask(&mut world, Ask::Begin { order }, 1).is_done());
    let ended = Ended::Failed { why: "no answer".to_owned(), wait: None, is_final: false };
    ask(&mut world, Ask::End { order, attempt, ended }, 2);
    assert!(world.questions[0].ends_with("failed, is tried again: no answer"));
    world.tick(3_600);
    let standing = &world.state.orders().get(order).unwrap().standing;
    assert!(matches!(standing, Standing::GivenUp { .. }), "its time is over");
    assert!(world.questions[1].contains("given up: its time was over"), "{:?}", world.questions);
}
