//! A year of answers: who answers when, how they score, what they say.
//!
//! The company gets slowly better, its cargo bikes have had a bad spell lately: something to find on the dashboard.

use chrono::{DateTime, Datelike, Duration, NaiveTime, Utc};
use hearback_core::{Scale, Score, Segment};
use hearback_engine::responses::submit::NewResponse;

use super::{
    campaign::WAVE_AGE,
    customers::Customer,
    random::Random,
    words::{Cause, LANGUAGES, Words},
};

/// Days of history.
const DAYS: i64 = 364;
/// How many of a hundred have answered the last wave by now.
const ANSWERED: i64 = 30;
/// Index of the cargo bike in the products.
const CARGO: usize = 1;

/// One answer and what was behind it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// As it is sent.
    pub response: NewResponse,
    /// When.
    pub at: DateTime<Utc>,
    /// What went wrong, for an unhappy customer.
    pub cause: Option<Cause>,
    /// Whether this customer is asked about again in the replay: unhappy ones are worked on.
    pub segment: Segment,
}

/// All answers up to `now`, oldest first.
pub fn answers(random: &mut Random, customers: &[Customer], now: DateTime<Utc>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for customer in customers {
        // Asked about once a quarter; some never answer a wave. Of the last one, which began a few days ago, a part has answered.
        let mut day = if random.chance(ANSWERED) { random.between(0, WAVE_AGE) } else { random.between(WAVE_AGE + 1, 90) };
        while day < DAYS {
            if random.chance(88) {
                answers.extend(answer(random, customer, day, now));
            }
            day += random.between(78, 100);
        }
    }
    answers.sort_by_key(|answer| answer.at);
    for (number, answer) in (1..).zip(&mut answers) {
        answer.response.external_id = Some(format!("demo-{number:04}"));
    }
    answers
}

/// The answer given `day` days ago; none if that would be in the future.
fn answer(random: &mut Random, customer: &Customer, day: i64, now: DateTime<Utc>) -> Option<Answer> {
    let time = NaiveTime::from_hms_opt(u32::try_from(random.between(6, 19)).ok()?, u32::try_from(random.between(0, 59)).ok()?, 0)?;
    let at = (now - Duration::days(day)).date_naive().and_time(time).and_utc();
    if at >= now {
        return None;
    }
    let value = score(random, customer, day);
    let segment = Score::new(Scale::NPS, value).ok()?.segment();
    let (_, words) = LANGUAGES.get(customer.language)?;
    let (comment, cause) = say(random, words, segment);
    let response = NewResponse {
        survey: "nps".to_owned(),
        score: value,
        comment,
        person: customer.person.clone(),
        external_id: None,
        responded_at: Some(at),
        channel: Some(if random.chance(64) { "email" } else { "shop" }.to_owned()),
        ..NewResponse::default()
    };
    Some(Answer { response, at, cause, segment })
}

/// Scores of an answer after something went wrong, and of one after nothing did.
const UNHAPPY: [i64; 11] = [0, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6];
const CONTENT: [i64; 12] = [7, 7, 8, 8, 9, 9, 9, 9, 10, 10, 10, 10];

fn score(random: &mut Random, customer: &Customer, day: i64) -> i64 {
    let trouble = match customer.product {
        CARGO if day < 45 => 44,
        CARGO => 16,
        0 => 6,
        _ => 10,
    };
    let worse_before = day * 14 / DAYS;
    let scores: &[i64] = if random.chance(trouble + worse_before - customer.mood / 2) { &UNHAPPY } else { &CONTENT };
    random.pick(scores).copied().unwrap_or(8)
}

fn say(random: &mut Random, words: &Words, segment: Segment) -> (Option<String>, Option<Cause>) {
    // Unhappy people write more often.
    let talks = random.chance(if segment == Segment::Detractor { 82 } else { 42 });
    let text = |words: Option<&&str>| words.filter(|_| talks).map(|words| (*words).to_owned());
    match segment {
        Segment::Promoter => (text(random.pick(words.promoters)), None),
        Segment::Passive => (text(random.pick(words.passives)), None),
        Segment::Detractor => {
            let (words, cause) = random.pick(words.detractors).map_or((None, None), |(words, cause)| (Some(words), Some(*cause)));
            (text(words), cause)
        }
    }
}

/// The first moment at or after `at` at which somebody of ours works: Monday to Friday, 9 to 17 UTC.
pub fn working(at: DateTime<Utc>) -> DateTime<Utc> {
    let mut at = at;
    let hour = at.time().signed_duration_since(NaiveTime::MIN).num_hours();
    if hour >= 17 {
        at += Duration::hours(24 - hour + 9);
    } else if hour < 9 {
        at += Duration::hours(9 - hour);
    }
    while at.weekday().number_from_monday() > 5 {
        at += Duration::days(1);
    }
    at
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use hearback_core::stats::Split;

    use super::{super::customers::customers, *};

    #[test]
    fn a_year_has_enough_answers_of_every_kind() {
        let now = Utc.with_ymd_and_hms(2026, 11, 22, 15, 0, 0).unwrap();
        let mut random = Random::new(7);
        let customers = customers(&mut random);
        let answers = answers(&mut random, &customers, now);
        let count = |segment| answers.iter().filter(|answer| answer.segment == segment).count() as u64;
        let split = Split::new(count(Segment::Detractor), count(Segment::Passive), count(Segment::Promoter));
        assert!((600..1_000).contains(&split.n()), "{split:?}");
        assert!((20..50).contains(&split.nps_rounded().unwrap()), "{split:?}");
        let recent = answers.iter().filter(|answer| answer.at > now - Duration::days(42) && answer.segment == Segment::Detractor).count();
        assert!((10..40).contains(&recent), "{recent}");
        assert!(answers.windows(2).all(|pair| pair[0].at <= pair[1].at));
    }

    #[test]
    fn nobody_works_at_night_or_on_sundays() {
        let at = |day, hour| Utc.with_ymd_and_hms(2026, 11, day, hour, 30, 0).unwrap();
        assert_eq!(working(at(20, 12)), at(20, 12));
        assert_eq!(working(at(20, 18)), at(23, 9), "Friday evening becomes Monday morning");
        assert_eq!(working(at(22, 3)), at(23, 9));
    }
}
