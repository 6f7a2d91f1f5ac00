use proptest::prelude::*;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn hour(hour: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, 0, 0).unwrap()
}

fn vilnius(holidays: &[&str]) -> Calendar {
    let holidays = holidays.iter().map(|day| day.parse().unwrap()).collect();
    Calendar::new(Tz::Europe__Vilnius, Weekdays::WORK, hour(9), hour(17), holidays).unwrap()
}

#[test]
fn friday_evening_waits_for_monday() {
    let calendar = Calendar::default();
    // 2026-11-20 is a Friday.
    assert_eq!(calendar.add_business(at("2026-11-20T16:30:00Z"), 60), at("2026-11-23T09:30:00Z"));
    assert_eq!(calendar.add_business(at("2026-11-20T16:30:00Z"), 30), at("2026-11-20T17:00:00Z"));
    assert_eq!(calendar.add_business(at("2026-11-20T18:00:00Z"), 60), at("2026-11-23T10:00:00Z"));
    assert_eq!(calendar.add_business(at("2026-11-21T12:00:00Z"), 0), at("2026-11-21T12:00:00Z"));
    assert_eq!(calendar.next_open(at("2026-11-20T17:00:00Z")), at("2026-11-23T09:00:00Z"));
    assert!(calendar.is_open(at("2026-11-20T16:59:59Z")) && !calendar.is_open(at("2026-11-20T17:00:00Z")));
    assert_eq!(calendar.business_between(at("2026-11-20T16:00:00Z"), at("2026-11-23T10:00:00Z")), 120);
    assert_eq!(calendar.business_between(at("2026-11-23T10:00:00Z"), at("2026-11-20T16:00:00Z")), -120);
}

#[test]
fn holidays_are_not_work_days() {
    let calendar = vilnius(&["2026-12-24", "2026-12-25"]);
    // Wednesday 16:00 in Vilnius; Thursday and Friday are holidays, then a weekend.
    assert_eq!(calendar.add_business(at("2026-12-23T14:00:00Z"), 120), at("2026-12-28T08:00:00Z"));
    assert_eq!(calendar.add_business_days(at("2026-12-23T14:00:00Z"), 1), at("2026-12-28T14:00:00Z"));
    assert_eq!(calendar.add_business_days(at("2026-12-24T10:00:00Z"), 1), at("2026-12-28T15:00:00Z"));
}

#[test]
fn days_keep_the_wall_clock_over_a_clock_change() {
    let calendar = vilnius(&[]);
    // Friday 10:00 EET, the clocks go forward on Sunday, Monday 10:00 EEST.
    assert_eq!(calendar.add_business_days(at("2027-03-26T08:00:00Z"), 1), at("2027-03-29T07:00:00Z"));
    assert_eq!(calendar.add_business(at("2027-03-26T08:00:00Z"), 480), at("2027-03-29T07:00:00Z"));
    assert_eq!(calendar.add_business_days(at("2026-10-23T07:00:00Z"), 1), at("2026-10-26T08:00:00Z"));
    assert_eq!(calendar.add_business_days(at("2026-10-24T07:00:00Z"), 5), at("2026-10-30T15:00:00Z"));
    assert_eq!(calendar.add_business_days(at("2026-10-24T07:00:00Z"), 0), at("2026-10-24T07:00:00Z"));
}

#[test]
fn a_shift_over_a_clock_change_counts_real_time() {
    let always = Calendar::new(Tz::Europe__Riga, Weekdays::ALL, hour(0), hour(0), BTreeSet::new()).unwrap();
    let day = |from: &str, to: &str| always.business_between(at(from), at(to));
    assert_eq!(day("2027-03-27T22:00:00Z", "2027-03-28T21:00:00Z"), 23 * 60);
    assert_eq!(day("2026-10-24T21:00:00Z", "2026-10-25T22:00:00Z"), 25 * 60);
    assert_eq!(always.add_business(at("2026-10-24T21:00:00Z"), 10_000), at("2026-10-24T21:00:00Z") + TimeDelta::minutes(10_000));
    assert!(always.is_open(at("2026-10-25T00:59:59Z")));
}

/// Counted by hand: Friday 16:30, Monday is a holiday, so the second working day is Wednesday, 16:30.
#[test]
fn friday_afternoon_before_a_holiday_over_a_clock_change_in_three_zones() {
    for (zone, holiday, friday, first, close) in [
        // The clocks go forward on Sunday 2026-03-29; 16:30 is 14:30 UTC before and 13:30 after.
        (Tz::Europe__Vilnius, "2026-03-30", "2026-03-27T14:30:00Z", "2026-04-01T13:30:00Z", "2026-04-06T13:30:00Z"),
        // Back on Sunday 2026-11-01; 16:30 is 20:30 UTC before and 21:30 after.
        (Tz::America__New_York, "2026-11-02", "2026-10-30T20:30:00Z", "2026-11-04T21:30:00Z", "2026-11-09T21:30:00Z"),
        // Back on Sunday 2026-04-05; 16:30 is 05:30 UTC before and 06:30 after.
        (Tz::Australia__Sydney, "2026-04-06", "2026-04-03T05:30:00Z", "2026-04-08T06:30:00Z", "2026-04-13T06:30:00Z"),
    ] {
        let holidays = [holiday.parse().unwrap()].into();
        let calendar = Calendar::new(zone, Weekdays::WORK, hour(9), hour(17), holidays).unwrap();
        assert_eq!(calendar.add_business_days(at(friday), 2), at(first), "{zone}");
        assert_eq!(calendar.add_business_days(at(friday), 5), at(close), "{zone}");
        // Half an hour is left of Friday, then 8 h on Tuesday, 7.5 h of Wednesday.
        assert_eq!(calendar.add_business(at(friday), 16 * 60), at(first), "{zone}");
        assert_eq!(calendar.subtract_business(at(first), 16 * 60), at(friday), "{zone}");
        assert_eq!(calendar.subtract_business_days(at(first), 2), at(friday), "{zone}");
        assert_eq!(calendar.work_days_between(at(friday), at(first)), 3, "Friday, Tuesday, Wednesday");
    }
}

#[test]
fn a_calendar_without_work_time_is_refused() {
    let none = Weekdays(chrono::WeekdaySet::EMPTY);
    assert_eq!(Calendar::new(Tz::UTC, none, hour(9), hour(17), BTreeSet::new()), Err(CalendarError::NoDays));
    assert_eq!(Calendar::new(Tz::UTC, Weekdays::WORK, hour(17), hour(9), BTreeSet::new()), Err(CalendarError::NoHours));
    let json = r#"{"zone":"Europe/Riga","days":[],"from":"09:00:00","to":"17:00:00"}"#;
    assert!(serde_json::from_str::<Calendar>(json).unwrap_err().to_string().contains("days"));
}

#[test]
fn the_file_format_round_trips() {
    let calendar = vilnius(&["2026-12-24"]);
    let json = serde_json::to_string(&calendar).unwrap();
    assert_eq!(
        json,
        r#"{"zone":"Europe/Vilnius","days":["MON","TUE","WED","THU","FRI"],"from":"09:00:00","to":"17:00:00","holidays":["2026-12-24"]}"#
    );
    assert_eq!(serde_json::from_str::<Calendar>(&json).unwrap(), calendar);
}

#[test]
fn far_and_extreme_input_ends() {
    let calendar = Calendar::default();
    let far = calendar.add_business(at("2026-01-01T00:00:00Z"), i64::MAX);
    assert!(far > at("2100-01-01T00:00:00Z"));
    assert!(calendar.add_business_days(at("2026-01-01T00:00:00Z"), u32::MAX) > at("2100-01-01T00:00:00Z"));
    assert!(calendar.add_business_days(at("2026-01-02T10:00:00Z"), u32::MAX) > at("2100-01-01T00:00:00Z"));
    for edge in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        let _ = (
            calendar.add_business(edge, 60),
            calendar.add_business_days(edge, 3),
            calendar.business_between(edge, at("2026-01-01T00:00:00Z")),
            calendar.subtract_business(edge, 60),
            calendar.subtract_business_days(edge, 3),
        );
    }
}

proptest! {
    #[test]
    fn added_work_time_is_the_work_time_between(start in 1_700_000_000_i64..1_900_000_000, minutes in 0_i64..20_000, zone in 0_usize..3) {
        let zone = [Tz::UTC, Tz::Europe__Helsinki, Tz::America__New_York][zone];
        let calendar = Calendar::new(zone, Weekdays::WORK, hour(1), hour(9), BTreeSet::new()).unwrap();
        let start = DateTime::from_timestamp(start, 0).unwrap();
        let end = calendar.add_business(start, minutes);
        prop_assert_eq!(calendar.business_between(start, end), minutes);
        prop_assert!(end >= start);
        if minutes > 0 {
            prop_assert!(calendar.business_between(start, end - TimeDelta::seconds(1)) < minutes);
        }
    }

    #[test]
    fn work_time_adds_up(a in 1_700_000_000_i64..1_900_000_000, first in 0_i64..5_000, second in 0_i64..5_000) {
        let calendar = Calendar::default().with_zone(Tz::Europe__Vilnius);
        let a = DateTime::from_timestamp(a, 0).unwrap();
        prop_assert_eq!(calendar.add_business(calendar.add_business(a, first), second), calendar.add_business(a, first + second));
    }
}
