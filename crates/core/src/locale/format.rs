//! Numbers, dates and times as the readers of a language write them.

use std::fmt::Write as _;

use chrono::{Datelike, NaiveDate, NaiveTime, Timelike};

use super::Locale;
use crate::stats::rounding;

/// A space at which no line breaks.
const HARD_SPACE: char = '\u{A0}';
/// The typographic minus.
const MINUS: char = '\u{2212}';

/// The conventions that differ. English is British unless the tag says `en-us`.
#[derive(Clone, Copy)]
enum Style {
    British,
    American,
    Lithuanian,
    Latvian,
    Finnish,
}

impl Style {
    fn of(locale: &Locale) -> Self {
        match (locale.language(), locale.as_str()) {
            ("lt", _) => Self::Lithuanian,
            ("lv", _) => Self::Latvian,
            ("fi", _) => Self::Finnish,
            (_, "en-us") => Self::American,
            _ => Self::British,
        }
    }

    const fn decimal_and_group(self) -> (char, char) {
        match self {
            Self::British | Self::American => ('.', ','),
            Self::Lithuanian | Self::Latvian | Self::Finnish => (',', HARD_SPACE),
        }
    }

    const fn minus(self) -> char {
        match self {
            Self::Lithuanian | Self::Finnish => MINUS,
            Self::British | Self::American | Self::Latvian => '-',
        }
    }

    const fn percent(self) -> &'static str {
        match self {
            Self::Lithuanian | Self::Finnish => "\u{A0}%",
            Self::British | Self::American | Self::Latvian => "%",
        }
    }

    /// Months in the form that stands in a date.
    const fn months(self) -> [&'static str; 12] {
        match self {
            Self::British | Self::American => {
                ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]
            }
            Self::Lithuanian => [
                "sausio",
                "vasario",
                "kovo",
                "balandžio",
                "gegužės",
                "birželio",
                "liepos",
                "rugpjūčio",
                "rugsėjo",
                "spalio",
                "lapkričio",
                "gruodžio",
            ],
            Self::Latvian => [
                "janvāris",
                "februāris",
                "marts",
                "aprīlis",
                "maijs",
                "jūnijs",
                "jūlijs",
                "augusts",
                "septembris",
                "oktobris",
                "novembris",
                "decembris",
            ],
            Self::Finnish => [
                "tammikuuta",
                "helmikuuta",
                "maaliskuuta",
                "huhtikuuta",
                "toukokuuta",
                "kesäkuuta",
                "heinäkuuta",
                "elokuuta",
                "syyskuuta",
                "lokakuuta",
                "marraskuuta",
                "joulukuuta",
            ],
        }
    }
}

impl Locale {
    /// A whole number with separated thousands: `1,234`, `−1 234`.
    pub fn integer(&self, value: i64) -> String {
        let style = Style::of(self);
        written(style, value < 0, &value.unsigned_abs().to_string(), "")
    }

    /// A number with exactly `places` decimals, halves away from zero: `41.6`, `41,6`. Empty for what is no number.
    pub fn decimal(&self, value: f64, places: u8) -> String {
        if !value.is_finite() {
            return String::new();
        }
        let rounded = rounding::decimals(value, i32::from(places));
        let text = format!("{:.*}", usize::from(places), rounded.abs());
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        written(Style::of(self), rounded < 0.0, whole, fraction)
    }

    /// A difference of whole points, with its sign: `+25`, `−3`, `0`.
    pub fn difference(&self, value: i64) -> String {
        let sign = if value > 0 { "+" } else { "" };
        format!("{sign}{}", self.integer(value))
    }

    /// A share that is already in per cent: `56%`, `56 %`.
    pub fn percent(&self, value: f64, places: u8) -> String {
        format!("{}{}", self.decimal(value, places), Style::of(self).percent())
    }

    /// A short date: `09/03/2026`, `2026-03-09`, `09.03.26`, `9.3.2026`.
    pub fn date(&self, date: NaiveDate) -> String {
        let (year, month, day) = (date.year(), date.month(), date.day());
        let short_year = year.rem_euclid(100);
        match Style::of(self) {
            Style::British => format!("{day:02}/{month:02}/{year}"),
            Style::American => format!("{month}/{day}/{short_year:02}"),
            Style::Lithuanian => format!("{year}-{month:02}-{day:02}"),
            Style::Latvian => format!("{day:02}.{month:02}.{short_year:02}"),
            Style::Finnish => format!("{day}.{month}.{year}"),
        }
    }

    /// A date in words, for mails: `9 March 2026`, `2026 m. kovo 9 d.`, `2026. gada 9. marts`, `9. maaliskuuta 2026`.
    pub fn long_date(&self, date: NaiveDate) -> String {
        let style = Style::of(self);
        let (year, day) = (date.year(), date.day());
        let months = style.months();
        let month = months.iter().zip(1_u32..).find(|(_, number)| *number == date.month()).map_or("", |(name, _)| name);
        match style {
            Style::British => format!("{day} {month} {year}"),
            Style::American => format!("{month} {day}, {year}"),
            Style::Lithuanian => format!("{year} m. {month} {day} d."),
            Style::Latvian => format!("{year}. gada {day}. {month}"),
            Style::Finnish => format!("{day}. {month} {year}"),
        }
    }

    /// A time of day without seconds: `14:05`, `14.05`, `2:05 PM`.
    pub fn time(&self, time: NaiveTime) -> String {
        let (hour, minute) = (time.hour(), time.minute());
        match Style::of(self) {
            Style::Finnish => format!("{hour}.{minute:02}"),
            Style::American => {
                let (afternoon, hour) = time.hour12();
                format!("{hour}:{minute:02} {}", if afternoon { "PM" } else { "AM" })
            }
            Style::British | Style::Lithuanian | Style::Latvian => format!("{hour:02}:{minute:02}"),
        }
    }
}

/// Puts the signs of a style around bare digits.
fn written(style: Style, negative: bool, whole: &str, fraction: &str) -> String {
    let (point, group) = style.decimal_and_group();
    let mut text = String::with_capacity(whole.len() + fraction.len() + 8);
    if negative {
        text.push(style.minus());
    }
    for (place, digit) in (0..whole.len()).rev().zip(whole.chars()) {
        text.push(digit);
        if place > 0 && place % 3 == 0 {
            text.push(group);
        }
    }
    if !fraction.is_empty() {
        // Writing into a string can't fail.
        let _ = write!(text, "{point}{fraction}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_all<T: AsRef<str>>(f: impl Fn(&Locale) -> T) -> [String; 5] {
        ["en", "en-US", "lt", "lv", "fi"].map(|tag| f(&Locale::parse(tag).unwrap()).as_ref().replace(HARD_SPACE, "_").replace(MINUS, "~"))
    }

    #[test]
    fn numbers_are_written_as_readers_expect() {
        assert_eq!(in_all(|l| l.integer(1_234)), ["1,234", "1,234", "1_234", "1_234", "1_234"]);
        assert_eq!(in_all(|l| l.integer(-1_234_567)), ["-1,234,567", "-1,234,567", "~1_234_567", "-1_234_567", "~1_234_567"]);
        assert_eq!(in_all(|l| l.decimal(-33.35, 1)), ["-33.4", "-33.4", "~33,4", "-33,4", "~33,4"]);
        assert_eq!(in_all(|l| l.percent(56.0, 0)), ["56%", "56%", "56_%", "56%", "56_%"]);
        assert_eq!(in_all(|l| l.difference(25)), ["+25"; 5]);
        assert_eq!(in_all(|l| l.decimal(-0.04, 1)), ["0.0", "0.0", "0,0", "0,0", "0,0"]);
        assert_eq!(in_all(|l| l.integer(i64::MIN))[0], "-9,223,372,036,854,775,808");
        assert_eq!(in_all(|l| l.decimal(f64::NAN, 1)), [""; 5]);
    }

    #[test]
    fn dates_and_times_are_written_as_readers_expect() {
        let (date, time) = (NaiveDate::from_ymd_opt(2026, 3, 9).unwrap(), NaiveTime::from_hms_opt(14, 5, 0).unwrap());
        assert_eq!(in_all(|l| l.date(date)), ["09/03/2026", "3/9/26", "2026-03-09", "09.03.26", "9.3.2026"]);
        assert_eq!(
            in_all(|l| l.long_date(date)),
            ["9 March 2026", "March 9, 2026", "2026 m. kovo 9 d.", "2026. gada 9. marts", "9. maaliskuuta 2026"]
        );
        assert_eq!(in_all(|l| l.time(time)), ["14:05", "2:05 PM", "14:05", "14:05", "14.05"]);
    }
}
