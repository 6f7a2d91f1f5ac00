//! Ten years of schedules in four zones, against the laws of daylight saving written down here once more: in the European
//! Union from the last Sunday of March to the last Sunday of October at 01:00 UTC, in the United States from the second Sunday
//! of March to the first Sunday of November at 02:00 local time.

#![expect(clippy::unwrap_used, reason = "tests")]

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};
use hearback_core::{
    schedule::Schedule,
    wall::{Tz, instant},
};

const ZONES: [Tz; 4] = [Tz::Europe__Vilnius, Tz::Europe__Riga, Tz::Europe__Helsinki, Tz::America__New_York];

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn sunday(year: i32, month: u32, nth: i64) -> NaiveDate {
    let first = day(year, month, 1).iter_days().find(|day| day.weekday() == Weekday::Sun).unwrap();
    first + TimeDelta::weeks(nth - 1)
}

fn last_sunday(year: i32, month: u32) -> NaiveDate {
    day(year, month, 31).iter_days().rev().find(|day| day.weekday() == Weekday::Sun).unwrap()
}

/// Standard offset in hours, the wall clock at which summer begins, and the one (of summer) at which it ends.
fn law(zone: Tz, year: i32) -> (i64, NaiveDateTime, NaiveDateTime) {
    let at = |day: NaiveDate, hour: i64| day.and_time(NaiveTime::MIN) + TimeDelta::hours(hour);
    if zone == Tz::America__New_York {
        (-5, at(sunday(year, 3, 2), 2), at(sunday(year, 11, 1), 2))
    } else {
        (2, at(last_sunday(year, 3), 3), at(last_sunday(year, 10), 4))
    }
}

/// The moment of a wall clock: a skipped time is the end of the gap, a repeated one its first pass.
fn expected(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    let (standard, begins, ends) = law(zone, local.year());
    let hour = TimeDelta::hours(1);
    let utc = |local: NaiveDateTime, offset: i64| (local - TimeDelta::hours(offset)).and_utc();
    match local {
        t if t < begins => utc(t, standard),
        t if t < begins + hour => utc(begins, standard),
        t if t < ends => utc(t, standard + 1),
        t => utc(t, standard),
    }
}

fn fires(zone: Tz, cron: &str) -> Vec<DateTime<Utc>> {
    let schedule = Schedule::parse(cron, zone).unwrap();
    let (from, until) = (instant(zone, day(2026, 1, 1).and_time(NaiveTime::MIN)), instant(zone, day(2036, 1, 1).and_time(NaiveTime::MIN)));
    schedule.after(from - TimeDelta::seconds(1)).take_while(|fire| *fire < until).collect()
}

/// All days of the ten years that fit, at this time of day.
fn days(zone: Tz, hour: u32, minute: u32, fits: impl Fn(NaiveDate) -> bool) -> Vec<DateTime<Utc>> {
    let all = day(2026, 1, 1).iter_days().take_while(|day| day.year() < 2036).filter(|day| fits(*day));
    all.map(|day| expected(zone, day.and_hms_opt(hour, minute, 0).unwrap())).collect()
}

fn is_workday(day: NaiveDate) -> bool {
    !matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

#[test]
fn quarterly_monthly_weekday_and_daily_schedules_through_every_change_of_clocks() {
    for zone in ZONES {
        let quarterly = fires(zone, "0 9 1 JAN,APR,JUL,OCT *");
        assert_eq!(quarterly, days(zone, 9, 0, |day| day.day() == 1 && day.month0() % 3 == 0));
        assert_eq!(quarterly.len(), 40);
        assert_eq!(fires(zone, "15 8 1 * *"), days(zone, 8, 15, |day| day.day() == 1));
        assert_eq!(fires(zone, "0 18 L * *"), days(zone, 18, 0, |day| day.succ_opt().unwrap().day() == 1));
        assert_eq!(fires(zone, "0 9 * * MON-FRI"), days(zone, 9, 0, is_workday));
        // Every minute of the night at which a clock is changed somewhere.
        for (hour, minute) in [(0, 30), (1, 0), (1, 30), (2, 0), (2, 30), (3, 0), (3, 30), (4, 0)] {
            let daily = fires(zone, &format!("{minute} {hour} * * *"));
            assert_eq!(daily, days(zone, hour, minute, |_| true), "{zone} {hour}:{minute}");
            assert_eq!(daily.len(), 3_652, "once a day, whatever the clocks do");
        }
    }
}

#[test]
fn the_cases_that_others_got_wrong() {
    for zone in [Tz::Europe__Vilnius, Tz::Europe__Riga, Tz::Europe__Helsinki] {
        let daily = fires(zone, "30 3 * * *");
        for (date, moment) in [("2027-03-28", "2027-03-28T01:00:00Z"), ("2026-10-25", "2026-10-25T00:30:00Z")] {
            let of_day: Vec<String> = daily
                .iter()
                .filter(|fire| fire.with_timezone(&zone).date_naive().to_string() == date)
                .map(|fire| fire.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
                .collect();
            assert_eq!(of_day, [moment], "{zone}");
        }
        let quarterly = fires(zone, "0 9 1 1,4,7,10 *");
        assert!(
            quarterly
                .iter()
                .all(|fire| fire.format("%H:%M").to_string() == if (4..=10).contains(&fire.month()) { "06:00" } else { "07:00" })
        );
    }
    assert_eq!(fires(Tz::Europe__Vilnius, "0 9 29 2 *").len(), 2, "2028 and 2032");
    assert_eq!(fires(Tz::Europe__Vilnius, "0 9 31 * *").len(), 70, "the seven long months of each year");
    assert!(Schedule::parse("0 9 30 2 *", Tz::Europe__Vilnius).unwrap_err().to_string().contains("never fires"));
}
