use proptest::prelude::*;

use super::*;

const ZONES: [Tz; 3] = [Tz::Europe__Vilnius, Tz::Europe__Riga, Tz::Europe__Helsinki];

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn fires(expression: &str, zone: Tz, from: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(expression, zone).unwrap();
    schedule.after(at(from)).take(count).map(|fire| fire.format("%Y-%m-%d %H:%M:%S").to_string()).collect()
}

#[test]
fn a_daily_time_in_the_spring_gap_fires_once_at_its_end() {
    for zone in ZONES {
        let found = fires("30 3 * * *", zone, "2027-03-27T00:00:00Z", 3);
        assert_eq!(found, ["2027-03-27 01:30:00", "2027-03-28 01:00:00", "2027-03-29 00:30:00"], "{zone}");
        assert_eq!(fires("0 30 3 * * *", zone, "2027-03-27T00:00:00Z", 3), found, "{zone}");
    }
}

#[test]
fn a_daily_time_in_the_autumn_overlap_fires_once_on_its_first_pass() {
    for zone in ZONES {
        let found = fires("30 3 * * *", zone, "2026-10-24T12:00:00Z", 2);
        assert_eq!(found, ["2026-10-25 00:30:00", "2026-10-26 01:30:00"], "{zone}");
        // Asked from within the second pass: what fired in the first does not fire again.
        assert_eq!(fires("30 3 * * *", zone, "2026-10-25T01:10:00Z", 1), ["2026-10-26 01:30:00"], "{zone}");
    }
}

#[test]
fn frequent_times_fire_no_moment_twice() {
    let spring = fires("*/30 * * * *", Tz::Europe__Riga, "2027-03-28T00:00:00Z", 4);
    assert_eq!(spring, ["2027-03-28 00:30:00", "2027-03-28 01:00:00", "2027-03-28 01:30:00", "2027-03-28 02:00:00"]);
    let autumn = fires("*/30 * * * *", Tz::Europe__Riga, "2026-10-25T00:00:00Z", 3);
    assert_eq!(autumn, ["2026-10-25 00:30:00", "2026-10-25 02:00:00", "2026-10-25 02:30:00"]);
}

#[test]
fn quarters_fire_forty_times_in_ten_years_at_nine_local() {
    for expression in ["0 9 1 1,4,7,10 *", "0 0 9 1 1,4,7,10 *", "0 9 1 JAN,APR,JUL,OCT *"] {
        for zone in ZONES {
            let schedule = Schedule::parse(expression, zone).unwrap();
            let fires: Vec<_> = schedule.after(at("2026-12-01T00:00:00Z")).take_while(|fire| *fire < at("2036-12-01T00:00:00Z")).collect();
            assert_eq!(fires.len(), 40, "{zone}");
            let golden: Vec<String> = (2027..=2036)
                .flat_map(|year| [(1, 7), (4, 6), (7, 6), (10, 6)].map(|(month, hour)| format!("{year}-{month:02}-01T{hour:02}:00:00Z")))
                .collect();
            let found: Vec<String> = fires.iter().map(|fire| fire.format("%Y-%m-%dT%H:%M:%SZ").to_string()).collect();
            assert_eq!(found, golden, "{zone} {expression}");
        }
    }
}

#[test]
fn rare_days_fire_and_impossible_ones_are_refused() {
    assert_eq!(fires("0 0 29 2 *", Tz::UTC, "2026-01-01T00:00:00Z", 2), ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]);
    assert_eq!(fires("0 0 31 * *", Tz::UTC, "2026-01-31T00:00:00Z", 2), ["2026-03-31 00:00:00", "2026-05-31 00:00:00"]);
    let last = ["2026-02-28 00:00:00", "2026-03-31 00:00:00", "2026-04-30 00:00:00"];
    assert_eq!(fires("0 0 L * *", Tz::UTC, "2026-01-31T00:00:00Z", 3), last);
    for never in ["0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 0 30 2 ?", "0 0 0 31 2 ? 2030"] {
        let error = Schedule::parse(never, Tz::UTC).unwrap_err();
        assert!(matches!(error, ScheduleError::Never(_)), "{never}: {error}");
        assert!(error.to_string().contains("never fires"));
    }
    assert!(Schedule::parse("0 0 9 1 1 * 2030", Tz::UTC).is_ok());
    assert!(Schedule::parse_live("0 0 9 1 1 * 2020", Tz::UTC, at("2026-01-01T00:00:00Z")).is_err());
    assert!(Schedule::parse_live("0 0 29 2 *", Tz::UTC, at("2026-01-01T00:00:00Z")).is_ok());
    assert_eq!(Schedule::parse("0 0 9 1 1 * 2020", Tz::UTC).unwrap().after(at("2026-01-01T00:00:00Z")).count(), 0);
}

#[test]
fn weekdays_mean_the_same_in_five_and_six_fields() {
    // 2026-11-22 is a Sunday.
    for sunday in ["0 9 * * 0", "0 9 * * 7", "0 9 * * SUN", "0 0 9 * * 0", "0 0 9 * * 7", "0 0 9 ? * SUN *"] {
        assert_eq!(fires(sunday, Tz::UTC, "2026-11-20T00:00:00Z", 1), ["2026-11-22 09:00:00"], "{sunday}");
    }
    for monday in ["0 9 * * 1", "0 0 9 * * 1", "0 9 ? * MON"] {
        assert_eq!(fires(monday, Tz::UTC, "2026-11-20T00:00:00Z", 2), ["2026-11-23 09:00:00", "2026-11-30 09:00:00"], "{monday}");
    }
}

#[test]
fn a_day_and_a_weekday_are_an_or_as_in_crontab() {
    let either = ["2026-11-23 09:00:00", "2026-11-30 09:00:00", "2026-12-01 09:00:00", "2026-12-07 09:00:00"];
    assert_eq!(fires("0 9 1 * MON", Tz::UTC, "2026-11-20T00:00:00Z", 4), either);
    assert_eq!(fires("0 0 9 1 * MON", Tz::UTC, "2026-11-20T00:00:00Z", 4), either);
    // A star restricts nothing by itself: then both must hold. Odd days that are Mondays.
    assert_eq!(fires("0 9 */2 * MON", Tz::UTC, "2026-11-20T00:00:00Z", 2), ["2026-11-23 09:00:00", "2026-12-07 09:00:00"]);
    // Both on the same day: once. 2027-02-01 is a Monday.
    assert_eq!(fires("0 9 1 * 1", Tz::UTC, "2027-01-31T00:00:00Z", 2), ["2027-02-01 09:00:00", "2027-02-08 09:00:00"]);
}

#[test]
fn bad_expressions_name_the_field() {
    let cases = [
        ("60 9 * * *", "minute"),
        ("0 24 * * *", "hour"),
        ("0 9 32 * *", "day"),
        ("0 9 0 * *", "day"),
        ("0 9 * 13 *", "month"),
        ("0 9 * FOO *", "month"),
        ("0 9 * * 8", "weekday"),
        ("61 0 9 * * *", "second"),
        ("0 0 9 * * * 1969", "year"),
        ("** 9 * * *", "minute"),
        ("0 9 1 ** *", "month"),
        ("0 */0 * * *", "hour"),
        ("5-1 9 * * *", "minute"),
    ];
    for (expression, field) in cases {
        let error = Schedule::parse(expression, Tz::UTC).unwrap_err();
        assert!(matches!(error, ScheduleError::Field { field: named, .. } if named == field), "{expression}: {error}");
    }
    for count in ["", "*", "0 9 * *", "0 0 9 * * * * *", "@reboot"] {
        assert!(matches!(Schedule::parse(count, Tz::UTC), Err(ScheduleError::FieldCount(_))), "{count}");
    }
    assert_eq!(fires("@weekly", Tz::UTC, "2026-11-20T00:00:00Z", 1), ["2026-11-22 00:00:00"]);
}

#[test]
fn the_edges_of_time_end_quietly() {
    let schedule = Schedule::parse("0 9 * * *", Tz::Pacific__Kiritimati).unwrap();
    assert!(schedule.after(DateTime::<Utc>::MIN_UTC).next().is_some());
    assert!(schedule.after(DateTime::<Utc>::MAX_UTC).next().is_none());
    assert!(schedule.after(at("2100-12-31T23:00:00Z")).next().is_none());
}

proptest! {
    #[test]
    fn fires_are_strictly_later_and_do_not_depend_on_where_one_starts(
        from in 1_700_000_000_i64..1_900_000_000, minute in 0_u32..60, hour in 0_u32..24, zone in 0_usize..3, every in 1_u32..30,
    ) {
        let from = DateTime::from_timestamp(from, 0).unwrap();
        for expression in [format!("{minute} {hour} * * *"), format!("*/{every} * * * *")] {
            let schedule = Schedule::parse(&expression, ZONES[zone]).unwrap();
            let fires: Vec<_> = schedule.after(from).take(20).collect();
            prop_assert!(fires[0] > from && fires.is_sorted_by(|a, b| a < b));
            let resumed: Vec<_> = schedule.after(fires[4]).take(15).collect();
            prop_assert_eq!(&resumed, &fires[5..]);
        }
    }

    #[test]
    fn no_text_makes_parsing_panic(text in "[-*?/,LW#0-9A-Za-z ]{0,40}") {
        if let Ok(schedule) = Schedule::parse(&text, Tz::Europe__Vilnius) {
            let _ = schedule.after(DateTime::UNIX_EPOCH).next();
        }
    }

    #[test]
    fn every_day_has_exactly_one_daily_fire(day in 0_i64..3_650, minute in 0_u32..60, hour in 0_u32..24, zone in 0_usize..3) {
        let zone = ZONES[zone];
        let schedule = Schedule::parse(&format!("{minute} {hour} * * *"), zone).unwrap();
        let date = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap() + TimeDelta::days(day);
        let start = wall::instant(zone, date.and_time(NaiveTime::MIN));
        let end = wall::instant(zone, (date + TimeDelta::days(1)).and_time(NaiveTime::MIN));
        let fires = schedule.after(start - TimeDelta::seconds(1)).take_while(|fire| *fire < end).count();
        prop_assert_eq!(fires, 1);
    }
}
