//! From the text of an expression to sets of local times: where crontab's dialect is translated.

use std::str::FromStr;

use chrono::{Weekday, WeekdaySet};

use super::{Rule, ScheduleError};
use crate::wall::weekday_word;

/// The longest field that is looked at; none needs more.
const MAX_FIELD: usize = 200;

/// Name of each field and what may stand there, in the order of the `cron` crate.
const FIELDS: [(&str, &str); 7] = [
    ("second", "0-59, *, lists, ranges and steps such as */15"),
    ("minute", "0-59, *, lists, ranges and steps such as */15"),
    ("hour", "0-23, *, lists, ranges and steps such as 9-17/2"),
    ("day", "1-31, *, ?, L for the last day of the month, lists, ranges and steps"),
    ("month", "1-12 or JAN-DEC, *, lists, ranges and steps"),
    ("weekday", "MON-SUN, or 0-7 where 0 and 7 are Sunday, *, ?, lists, ranges and steps"),
    ("year", "1970-2100, *, lists, ranges and steps"),
];

/// The seven fields of an expression, each checked alone so that an error can name it.
pub(super) fn rules(expression: &str) -> Result<Vec<Rule>, ScheduleError> {
    let [second, minute, hour, day, month, weekday, year] = seven(expression)?;
    let last_day_only = day.eq_ignore_ascii_case("L");
    let days = if last_day_only { "28-31" } else { day };
    let weekdays = weekdays(weekday)?;
    for (index, value) in [second, minute, hour, days, month, &weekdays, year].into_iter().enumerate() {
        check(index, value)?;
    }
    let rule = |days: &str, weekdays: &str, last_day_only| {
        let text = format!("{second} {minute} {hour} {days} {month} {weekdays} {year}");
        let times = cron::Schedule::from_str(&text).map_err(|_| refused(3, day))?;
        Ok(Rule { times, last_day_only })
    };
    if is_restricted(day) && is_restricted(weekday) {
        Ok(vec![rule(days, "*", last_day_only)?, rule("*", &weekdays, false)?])
    } else {
        Ok(vec![rule(days, &weekdays, last_day_only)?])
    }
}

/// Crontab's test: what starts with a star (or a question mark) restricts nothing by itself.
fn is_restricted(field: &str) -> bool {
    !field.starts_with(['*', '?'])
}

fn seven(expression: &str) -> Result<[&str; 7], ScheduleError> {
    let text = match expression.trim().to_ascii_lowercase().as_str() {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * SUN",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        _ => expression,
    };
    let fields: Vec<&str> = text.split_whitespace().collect();
    match *fields.as_slice() {
        [minute, hour, day, month, weekday] => Ok(["0", minute, hour, day, month, weekday, "*"]),
        [second, minute, hour, day, month, weekday] => Ok([second, minute, hour, day, month, weekday, "*"]),
        [second, minute, hour, day, month, weekday, year] => Ok([second, minute, hour, day, month, weekday, year]),
        _ => Err(ScheduleError::FieldCount(fields.len())),
    }
}

/// Lets the `cron` crate read one field with all others open. All seven are always there, so that text
/// which reads as two fields (`**`) can't slip through.
fn check(index: usize, value: &str) -> Result<(), ScheduleError> {
    let text: Vec<&str> = (0..FIELDS.len()).map(|other| if other == index { value } else { "*" }).collect();
    let fits = value.len() <= MAX_FIELD && cron::Schedule::from_str(&text.join(" ")).is_ok();
    if fits { Ok(()) } else { Err(refused(index, value)) }
}

fn refused(index: usize, got: &str) -> ScheduleError {
    let (field, expected) = FIELDS.get(index).copied().unwrap_or(("expression", "a cron expression"));
    ScheduleError::Field { field, got: got.chars().take(40).collect(), expected }
}

/// Crontab's weekdays as names, which mean the same in every dialect.
fn weekdays(field: &str) -> Result<String, ScheduleError> {
    let refuse = || refused(5, field);
    let mut days = WeekdaySet::EMPTY;
    for item in field.split(',') {
        for number in item_numbers(item).ok_or_else(refuse)? {
            days.insert(crontab_day(number));
        }
    }
    let names: Vec<&str> = days.iter(Weekday::Mon).map(weekday_word).collect();
    Ok(if days == WeekdaySet::ALL { "*".to_owned() } else { names.join(",") })
}

/// `*`, `?`, `a`, `a-b`, each with an optional `/step`, as crontab numbers; a range may run past Saturday.
fn item_numbers(item: &str) -> Option<impl Iterator<Item = usize>> {
    let (base, step) = match item.split_once('/') {
        Some((base, step)) => (base, Some(step.parse().ok().filter(|step| (1..=7).contains(step))?)),
        None => (item, None),
    };
    let (first, last) = match base.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None if matches!(base, "*" | "?") => (0, 6),
        None => (number(base)?, if step.is_some() { number(base)?.max(6) } else { number(base)? }),
    };
    let last = if last < first { last + 7 } else { last };
    Some((first..=last).step_by(step.unwrap_or(1)))
}

fn number(word: &str) -> Option<usize> {
    if word.bytes().all(|b| b.is_ascii_digit()) {
        return word.parse().ok().filter(|number| *number <= 7);
    }
    word.parse::<Weekday>().ok().and_then(|day| usize::try_from(day.num_days_from_sunday()).ok())
}

fn crontab_day(number: usize) -> Weekday {
    match number % 7 {
        1 => Weekday::Mon,
        2 => Weekday::Tue,
        3 => Weekday::Wed,
        4 => Weekday::Thu,
        5 => Weekday::Fri,
        6 => Weekday::Sat,
        _ => Weekday::Sun,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weekday_numbers_are_crontabs() {
        let cases = [
            ("0", "SUN"),
            ("7", "SUN"),
            ("1", "MON"),
            ("1-5", "MON,TUE,WED,THU,FRI"),
            ("5-7", "FRI,SAT,SUN"),
            ("FRI-MON", "MON,FRI,SAT,SUN"),
            ("SAT-SUN", "SAT,SUN"),
            ("0-7", "*"),
            ("*/2", "TUE,THU,SAT,SUN"),
            ("1-5/2", "MON,WED,FRI"),
            ("2/2", "TUE,THU,SAT"),
            ("7/2", "SUN"),
            ("0,6", "SAT,SUN"),
            ("mon,Wednesday", "MON,WED"),
            ("?", "*"),
        ];
        for (crontab, names) in cases {
            assert_eq!(weekdays(crontab).unwrap(), names, "{crontab}");
        }
        for bad in ["8", "-1", "1-", "", "MO", "1/0", "1/8", "1,", "**", "1#2", "5L", "1-2-3"] {
            assert!(weekdays(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
