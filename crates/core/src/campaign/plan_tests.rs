use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::campaign::{Times, Window};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn person(number: u128) -> Asked<'static> {
    Asked {
        id: Uuid::from_u128(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        zone: None,
        account: None,
        has_address: true,
        blocked: None,
        last_asked: None,
    }
}

fn quarterly() -> Plan {
    Plan { schedule: Some(Times { cron: "0 9 1 1,4,7,10 *".to_owned(), timezone: "Europe/Vilnius".to_owned() }), ..Plan::of("nps") }
}

/// The wave of 1 April 2026, a Wednesday; the next one begins on 1 July.
fn planner(plan: &Plan) -> Planner<'_> {
    Planner::new(plan, "quarterly", at("2026-04-01T06:00:00Z"), Some(at("2026-07-01T06:00:00Z")), Tz::UTC)
}

#[test]
fn everybody_is_asked_at_the_date_in_the_hours_of_their_own_zone() {
    let plan = quarterly();
    let mut planner = planner(&plan);
    assert_eq!(planner.verdict(&person(1)), Verdict::At(at("2026-04-01T06:00:00Z")));
    let new_york = Asked { zone: Some(Tz::America__New_York), ..person(2) };
    assert_eq!(planner.verdict(&new_york), Verdict::Later(at("2026-04-01T13:00:00Z"), Reason::OutsideWindow));
    let auckland = Asked { zone: Some(Tz::Pacific__Auckland), ..person(3) };
    assert_eq!(planner.verdict(&auckland), Verdict::Later(at("2026-04-01T20:00:00Z"), Reason::OutsideWindow), "Thursday, nine o'clock");
}

#[test]
fn who_can_not_be_asked_has_a_reason() {
    let plan = Plan { sample: 0.5, account_cap: Some(1), ..quarterly() };
    let mut planner = planner(&plan);
    assert_eq!(planner.verdict(&Asked { has_address: false, ..person(1) }), Verdict::Not(Reason::NoAddress));
    assert_eq!(planner.verdict(&Asked { blocked: Some(Reason::Complaint), ..person(1) }), Verdict::Not(Reason::Complaint));
    let asked = (0..1_000).filter(|number| planner.verdict(&person(*number)) != Verdict::Not(Reason::NotInSample)).count();
    assert!((450..550).contains(&asked), "{asked}");
    let of_one: Vec<Verdict> = (0..100).map(|number| planner.verdict(&Asked { account: Some("acme"), ..person(number) })).collect();
    assert_eq!(of_one.iter().filter(|verdict| matches!(verdict, Verdict::At(_))).count(), 1);
    assert!(of_one.contains(&Verdict::Not(Reason::AccountCap)));
    let link = Plan { channel: Channel::Link, ..quarterly() };
    let mut planner = self::planner(&link);
    assert!(matches!(planner.verdict(&Asked { has_address: false, ..person(1) }), Verdict::At(_)));
}

#[test]
fn who_was_asked_lately_comes_on_the_first_allowed_day_or_in_the_next_wave() {
    let plan = quarterly();
    let mut planner = planner(&plan);
    let lately = |day: &str| Asked { last_asked: Some(at(day)), ..person(1) };
    assert_eq!(
        planner.verdict(&lately("2026-03-27T10:00:00Z")),
        Verdict::Later(at("2026-04-27T06:00:00Z"), Reason::AskedLately),
        "a Monday"
    );
    assert_eq!(planner.verdict(&lately("2026-02-01T10:00:00Z")), Verdict::At(at("2026-04-01T06:00:00Z")));
    let slow = Plan { recontact_days: 120, ..quarterly() };
    let mut planner = self::planner(&slow);
    assert_eq!(planner.verdict(&lately("2026-03-27T10:00:00Z")), Verdict::Not(Reason::NextWave));
}

#[test]
fn a_full_day_gives_to_the_next_working_day() {
    let plan = Plan { daily_cap: Some(2), ..quarterly() };
    let mut planner = planner(&plan);
    let days: Vec<String> = (0..7)
        .map(|number| match planner.verdict(&person(number)) {
            Verdict::At(at) | Verdict::Later(at, Reason::DailyCap) => at.format("%m-%d %H:%M").to_string(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(days, ["04-01 06:00", "04-01 06:00", "04-02 06:00", "04-02 06:00", "04-03 06:00", "04-03 06:00", "04-06 06:00"]);
}

#[test]
fn a_spread_wave_lies_evenly_over_the_working_days_and_always_in_the_same_way() {
    let plan = Plan { mode: Mode::Spread, ..quarterly() };
    let verdicts = |planner: &mut Planner<'_>| (0..6_500).map(|number| planner.verdict(&person(number))).collect::<Vec<_>>();
    let first = verdicts(&mut planner(&plan));
    assert_eq!(first, verdicts(&mut planner(&plan)));
    let mut days: HashMap<NaiveDate, u32> = HashMap::new();
    for verdict in &first {
        let Verdict::At(at) = verdict else { panic!("{verdict:?}") };
        *days.entry(wall::local(Tz::Europe__Vilnius, *at).date()).or_default() += 1;
    }
    assert_eq!(days.len(), 65, "the working days from 1 April to 30 June");
    assert!(days.values().all(|people| (60..145).contains(people)), "{days:?}");
    let mut other = Planner::new(&plan, "another", at("2026-04-01T06:00:00Z"), Some(at("2026-07-01T06:00:00Z")), Tz::UTC);
    assert_ne!(first, verdicts(&mut other), "another campaign has another order");
}

const ZONES: [Tz; 5] = [Tz::Europe__Vilnius, Tz::America__New_York, Tz::Asia__Kathmandu, Tz::Pacific__Auckland, Tz::UTC];

prop_compose! {
    fn plans()(
        spread: bool, recontact_days in 0_u16..100, account_cap in proptest::option::of(1_u32..4), daily_cap in proptest::option::of(1_u32..20),
        sample in 0.1_f64..=1.0, from in 0_i64..20, long in 1_i64..4, saturday: bool,
    ) -> Plan {
        let hour = |hour| NaiveTime::MIN + TimeDelta::hours(hour);
        let days = if saturday { crate::wall::Weekdays::ALL } else { crate::wall::Weekdays::WORK };
        let window = Window { from: hour(from), to: hour(from + long), days, ..Window::default() };
        let mode = if spread { Mode::Spread } else { Mode::Calendar };
        Plan { mode, recontact_days, account_cap, daily_cap, sample, window, ..quarterly() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Never outside the window, never over a cap, never within the gap; the same again gives the same; whoever goes on with
    /// a half-planned wave comes to the same end.
    #[test]
    fn no_limit_is_ever_broken(plan in plans(), people in proptest::collection::vec((0_usize..5, 0_u8..6, 0_i64..60), 1..150), half in 0_usize..150) {
        let accounts = ["a", "b", "c", "d", "e"];
        let candidates: Vec<Asked<'_>> = people.iter().enumerate().map(|(number, (zone, account, ago))| Asked {
            zone: ZONES.get(*zone).copied(),
            account: accounts.get(usize::from(*account)).copied(),
            last_asked: (*ago > 0).then(|| at("2026-04-01T06:00:00Z") - TimeDelta::days(*ago)),
            ..person(number as u128)
        }).collect();
        let mut planner = planner(&plan);
        let verdicts: Vec<Verdict> = candidates.iter().map(|who| planner.verdict(who)).collect();
        let (mut days, mut of_accounts) = (HashMap::<NaiveDate, u32>::new(), HashMap::<&str, u32>::new());
        for (who, verdict) in candidates.iter().zip(&verdicts) {
            let (Verdict::At(when) | Verdict::Later(when, _)) = verdict else { continue };
            prop_assert!(*when >= at("2026-04-01T06:00:00Z"));
            prop_assert!(plan.window.at(who.zone.unwrap_or(Tz::Europe__Vilnius)).is_open(*when));
            prop_assert!(plan.free_at(who.last_asked).is_none_or(|free| *when >= free));
            *days.entry(wall::local(Tz::Europe__Vilnius, *when).date()).or_default() += 1;
            *of_accounts.entry(who.account.unwrap_or("-")).or_default() += 1;
        }
        prop_assert!(plan.daily_cap.is_none_or(|most| days.values().all(|people| *people <= most)));
        of_accounts.remove("-");
        prop_assert!(plan.account_cap.is_none_or(|most| of_accounts.values().all(|people| *people <= most)));
        let half = half.min(candidates.len());
        let mut resumed = self::planner(&plan);
        for (who, verdict) in candidates.iter().zip(&verdicts).take(half) {
            if let Verdict::At(when) | Verdict::Later(when, _) = verdict {
                resumed.seat(*when, who.account);
            }
        }
        let rest: Vec<Verdict> = candidates.iter().skip(half).map(|who| resumed.verdict(who)).collect();
        prop_assert_eq!(&rest[..], &verdicts[half..]);
    }
}
