//! The score and the loops, counted.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that can't go on fails where it stands")]

mod common;

use chrono::Duration;
use common::{World, answer, noon};
use hearback_engine::{
    Actor, EngineError,
    cases::work::{NewContact, log_contact},
    metrics::{Bucket, MetricsQuery, metrics},
    responses::submit::{FollowUp, NewResponse, submit_responses},
};
use hearback_rules::Property;

fn at(survey: &str, score: i64, number: usize, time: &str) -> NewResponse {
    NewResponse { responded_at: Some(time.parse().unwrap()), ..answer(survey, score, &format!("c{number}@example.com")) }
}

async fn store(world: &World, answers: Vec<NewResponse>) {
    for stored in submit_responses(&world.cx, world.ws, answers, FollowUp::Off).await {
        stored.unwrap();
    }
}

#[tokio::test]
async fn seventy_fifteen_fifteen_is_fifty_five() {
    let world = World::new().await;
    let scores = (0..70).map(|_| 10).chain((0..15).map(|_| 8)).chain((0..15).map(|_| 2));
    store(&world, scores.enumerate().map(|(number, score)| at("nps", score, number, "2026-01-05T10:00:00Z")).collect()).await;
    let report = metrics(&world.cx, world.ws, MetricsQuery::default()).await.unwrap();
    let total = &report.total;
    assert_eq!((total.n, total.promoters, total.passives, total.detractors, total.nps), (100, 70, 15, 15, Some(55.0)));
    let interval = total.interval.unwrap();
    assert!(interval.low < 55.0 && 55.0 < interval.high && interval.method == "tango");
    assert_eq!((report.loops.all.total, report.loops.all.not_needed, report.loops.all.close_rate), (100, 100, None));
    let json = serde_json::to_value(&report).unwrap();
    for field in ["n", "promoters", "passives", "detractors", "nps", "interval", "groups", "buckets", "loops"] {
        assert!(json.get(field).is_some(), "{field} is missing");
    }
    for field in ["total", "closed", "open", "overdue", "contacted_in_time", "by_segment", "first_contact_hours"] {
        assert!(json["loops"].get(field).is_some(), "loops.{field} is missing");
    }
}

#[tokio::test]
async fn bounds_count_to_the_millisecond_although_roll_ups_are_hourly() {
    let world = World::new().await;
    let times =
        ["2026-01-05T10:00:00Z", "2026-01-05T10:30:00Z", "2026-01-05T11:00:00Z", "2026-01-05T12:59:59.999Z", "2026-01-05T13:00:00Z"];
    store(&world, times.iter().enumerate().map(|(number, time)| at("nps", 9, number, time)).collect()).await;
    for (since, until, n) in [
        (None, None, 5),
        (Some("2026-01-05T10:00:00Z"), Some("2026-01-05T13:00:00Z"), 4),
        (Some("2026-01-05T10:00:00.001Z"), None, 4),
        (Some("2026-01-05T10:30:00Z"), Some("2026-01-05T12:59:59.999Z"), 2),
        (Some("2026-01-05T10:10:00Z"), Some("2026-01-05T10:40:00Z"), 1),
        (Some("2026-01-05T13:00:00Z"), Some("2026-01-05T13:00:00.001Z"), 1),
        (None, Some("2026-01-05T10:30:00Z"), 1),
        (Some("2026-01-06T00:00:00Z"), Some("2026-01-05T00:00:00Z"), 0),
    ] {
        let parse = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        let query = MetricsQuery { since: parse(since), until: parse(until), ..MetricsQuery::default() };
        assert_eq!(metrics(&world.cx, world.ws, query).await.unwrap().total.n, n, "{since:?} {until:?}");
    }
}

#[tokio::test]
async fn buckets_follow_the_calendar_and_show_gaps() {
    let world = World::new().await;
    let times = ["2025-11-30T23:59:59Z", "2025-12-01T00:00:00Z", "2026-02-28T12:00:00Z"];
    store(&world, times.iter().enumerate().map(|(number, time)| at("nps", 0, number, time)).collect()).await;
    let starts = |bucket: Bucket| {
        let query = MetricsQuery { bucket: Some(bucket), ..MetricsQuery::default() };
        async {
            let report = metrics(&world.cx, world.ws, query).await.unwrap();
            report.buckets.iter().map(|line| (line.start.date_naive().to_string(), line.score.n)).collect::<Vec<_>>()
        }
    };
    let months = [("2025-11-01", 1), ("2025-12-01", 1), ("2026-01-01", 0), ("2026-02-01", 1)].map(|(day, n)| (day.to_owned(), n));
    assert_eq!(starts(Bucket::Month).await, months);
    assert_eq!(starts(Bucket::Quarter).await, [("2025-10-01".to_owned(), 2), ("2026-01-01".to_owned(), 1)]);
    let weeks = starts(Bucket::Week).await;
    assert_eq!((weeks.len(), weeks[0].clone()), (14, ("2025-11-24".to_owned(), 1)), "a Sunday ends its week");
    assert_eq!(starts(Bucket::Day).await.len(), 91);
}

#[tokio::test]
async fn groups_by_any_kind_of_property() {
    let world = World::new().await;
    let values = [
        Some(Property::Text("gold".into())),
        Some(Property::Text("gold".into())),
        Some(Property::Flag(true)),
        Some(Property::Number(5.0)),
        None,
    ];
    let answers = values.into_iter().enumerate().map(|(number, value)| {
        let mut new = at("nps", 9, number, "2026-01-05T10:00:00Z");
        for name in ["plan", "a.b", "$x"] {
            new.person.properties.extend(value.clone().map(|value| (name.to_owned(), value)));
        }
        new
    });
    store(&world, answers.collect()).await;
    for name in ["plan", "a.b", "$x"] {
        let query = MetricsQuery { by: Some(name.to_owned()), ..MetricsQuery::default() };
        let groups = metrics(&world.cx, world.ws, query).await.unwrap().groups;
        let found: Vec<String> = groups.iter().map(|group| format!("{}={}", group.value, group.score.n)).collect();
        assert_eq!((found.len(), found[0].as_str()), (4, "\"gold\"=2"), "{name}: {found:?}");
        for wanted in ["true=1", "5=1", "null=1"] {
            assert!(found.iter().any(|line| line == wanted), "{name}: {wanted} in {found:?}");
        }
    }
    assert!(matches!(
        metrics(&world.cx, world.ws, MetricsQuery { by: Some(String::new()), ..MetricsQuery::default() }).await,
        Err(EngineError::Invalid(_))
    ));
}

#[tokio::test]
async fn other_metrics_have_their_own_numbers() {
    let world = World::new().await;
    store(&world, [5, 4, 3, 1].iter().enumerate().map(|(number, score)| at("csat", *score, number, "2026-01-05T10:00:00Z")).collect())
        .await;
    store(&world, [7, 5, 4, 1].iter().enumerate().map(|(number, score)| at("ces", *score, number, "2026-01-05T10:00:00Z")).collect()).await;
    let of = |survey: &str| MetricsQuery { survey: Some(survey.to_owned()), ..MetricsQuery::default() };
    let csat = metrics(&world.cx, world.ws, of("csat")).await.unwrap().total;
    assert_eq!((csat.nps, csat.csat.unwrap().satisfied.percent, csat.interval.unwrap().method), (None, 50.0, "wilson"));
    let ces = metrics(&world.cx, world.ws, of("ces")).await.unwrap().total;
    assert_eq!((ces.ces.unwrap().agree.percent, ces.ces.unwrap().mean), (50.0, 4.25));
    let nothing = metrics(&world.cx, world.ws, of("nps")).await.unwrap().total;
    assert_eq!((nothing.n, nothing.nps, nothing.interval), (0, None, None), "no answers, no score");
    assert!(matches!(metrics(&world.cx, world.ws, of("nosuch")).await, Err(EngineError::NotFound { .. })));
}

#[tokio::test]
async fn loops_count_what_is_late_and_how_long_it_took() {
    let world = World::new().await;
    let (cx, ws) = (&world.cx, world.ws);
    let mut cases = Vec::new();
    for number in 0..4 {
        cases.push(world.score(3, &format!("c{number}@example.com")).await.1);
    }
    let reach = |case| {
        let reached = NewContact { channel: "phone".into(), outcome: "reached".into(), note: None };
        async move { log_contact(cx, ws, case, &Actor::System, reached).await.unwrap() }
    };
    world.clock.set(noon() + Duration::hours(10));
    reach(cases[0]).await;
    world.clock.set(noon() + Duration::hours(20));
    reach(cases[1]).await;
    world.clock.set(noon() + Duration::hours(60));
    reach(cases[2]).await;
    let loops = metrics(cx, ws, MetricsQuery::default()).await.unwrap().loops;
    assert_eq!((loops.all.total, loops.all.open, loops.all.contacted), (4, 1, 3));
    assert_eq!((loops.all.overdue, loops.all.contacted_in_time, loops.all.with_due), (1, 2, 4));
    assert_eq!((loops.first_contact_hours.median, loops.first_contact_hours.p90), (Some(20.0), Some(60.0)));
    assert_eq!((loops.all.close_rate, loops.close_hours.median), (Some(0.0), None));
    let detractors = loops.by_segment[&hearback_core::Segment::Detractor];
    assert_eq!((detractors.total, detractors.contacted_in_time_rate), (4, Some(0.5)));
    world.clock.set(noon() + Duration::days(30));
    assert_eq!(metrics(cx, ws, MetricsQuery::default()).await.unwrap().loops.all.overdue, 4, "none is closed in time");
}
