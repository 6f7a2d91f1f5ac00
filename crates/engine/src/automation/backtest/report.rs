//! What a backtest says, and how two tallies become it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use hearback_core::id::CaseId;
use hearback_rules::RuleVersion;
use hearback_store::past::Answer;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Span, case_line, not_simulated, simulate::Tally};

/// A count under the rules that are tried, and under those of today.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Both {
    /// With the rules that are tried.
    pub new: u64,
    /// With the rules as they are.
    pub live: u64,
}

/// The answer to "what if".
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Backtest")]
pub struct Report {
    /// From this moment on; absent: from the beginning.
    pub since: Option<DateTime<Utc>>,
    /// Before this moment; absent: up to now.
    pub until: Option<DateTime<Utc>>,
    /// Answers that were asked about.
    pub answers: u64,
    /// Of these, answers to surveys that are not published any more: no rule was asked about them.
    pub unknown: u64,
    /// The rules that were tried.
    pub rules: Vec<RuleLine>,
    /// Mails and messages of all rules.
    pub mails: Vec<MailLine>,
    /// Who gets how many tasks of all rules, and when.
    pub owners: Vec<OwnerLine>,
    /// Codes of each pool.
    pub codes: BTreeMap<String, Both>,
    /// What the guard rails would have stopped.
    pub stopped: Stopped,
    /// The first cases that a tried rule matched, in the order of their answers.
    pub cases: Vec<CaseLine>,
}

/// One rule that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RuleLine {
    /// Its key.
    pub key: String,
    /// The version that decides today, if any.
    pub live_version: Option<u32>,
    /// Answers that it matched.
    pub matched: Both,
    /// Matched by both versions.
    pub both: u64,
    /// Matched only by the version that was tried.
    pub only_new: u64,
    /// Matched only by the version of today.
    pub only_live: u64,
    /// What else it listens to, which no answer sets off and so was not tried.
    pub not_simulated: Vec<&'static str>,
}

/// Mails of one template to one kind of recipient, or messages to one webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MailLine {
    /// The template; `call_webhook` or `notify_chat` for messages.
    pub template: String,
    /// `customer`, `owner`, `team:KEY`, an address, or `webhook:KEY`.
    pub to: String,
    /// How many.
    pub count: Both,
    /// Day by day.
    pub days: Vec<DayLine>,
}

/// One day, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DayLine {
    /// Which.
    pub day: NaiveDate,
    /// How many.
    #[serde(flatten)]
    pub count: Both,
}

/// One week, from Monday on, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WeekLine {
    /// Its Monday.
    pub week: NaiveDate,
    /// How many.
    #[serde(flatten)]
    pub count: Both,
}

/// The tasks of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OwnerLine {
    /// A user's address or `team:KEY`.
    pub owner: String,
    /// How many.
    pub count: Both,
    /// Day by day.
    pub days: Vec<DayLine>,
    /// Week by week.
    pub weeks: Vec<WeekLine>,
}

/// What the guard rails would have stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stopped {
    /// Effects over the limit of one answer.
    pub effects: Both,
    /// Mails over the limit of one customer within 24 hours. They are not counted among the mails.
    pub over_person_limit: Both,
    /// Hours in which a rule wanted to send more mails than it may: it would have been paused there.
    pub pauses: Both,
    /// The rules that would have been paused, under the rules that are tried.
    pub paused_rules: BTreeSet<String>,
}

/// One case that a tried rule matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CaseLine {
    /// The case.
    pub case: CaseId,
    /// When it was answered.
    pub answered_at: DateTime<Utc>,
    /// Rules that match when they are as tried.
    pub new: Vec<String>,
    /// Rules of the same keys that match as they are today.
    pub live: Vec<String>,
}

/// Counts of the comparison so far.
pub(super) struct Building {
    rules: Vec<(RuleLine, usize, Option<usize>)>,
    cases: Vec<CaseLine>,
    list: usize,
}

impl Building {
    pub fn new(tried: &[String], new: &[RuleVersion], live: &[RuleVersion], list: usize) -> Self {
        let place = |versions: &[RuleVersion], key: &str| versions.iter().position(|version| version.rule.key == key);
        let line = |key: &String| {
            let (at, before) = (place(new, key)?, place(live, key));
            let line = RuleLine {
                key: key.clone(),
                live_version: before.and_then(|at| live.get(at)).map(|version| version.version),
                matched: Both::default(),
                both: 0,
                only_new: 0,
                only_live: 0,
                not_simulated: new.get(at).map(|version| not_simulated(&version.rule)).unwrap_or_default(),
            };
            Some((line, at, before))
        };
        Self { rules: tried.iter().filter_map(line).collect(), cases: Vec::new(), list }
    }

    /// An answer with the places of the rules that matched it, on both sides.
    pub fn add(&mut self, answer: &Answer, new: &[usize], live: &[usize]) {
        let (mut as_tried, mut as_today) = (Vec::new(), Vec::new());
        let lists = self.cases.len() < self.list;
        for (line, at, before) in &mut self.rules {
            let (is_new, is_live) = (new.contains(at), before.is_some_and(|at| live.contains(&at)));
            line.matched.new += u64::from(is_new);
            line.matched.live += u64::from(is_live);
            line.both += u64::from(is_new && is_live);
            line.only_new += u64::from(is_new && !is_live);
            line.only_live += u64::from(!is_new && is_live);
            as_tried.extend((lists && is_new).then(|| line.key.clone()));
            as_today.extend((lists && is_live).then(|| line.key.clone()));
        }
        if !as_tried.is_empty() || !as_today.is_empty() {
            self.cases.push(case_line(answer, as_tried, as_today));
        }
    }

    pub fn finish(self, span: Span, new: Tally, live: Tally, mails_per_rule_hour: u32) -> Report {
        let too_many = |tally: &Tally| -> Vec<String> {
            let over = tally.by_hour.iter().filter(|(_, count)| **count > u64::from(mails_per_rule_hour));
            over.map(|((rule, _), _)| rule.clone()).collect()
        };
        let (paused_new, paused_live) = (too_many(&new), too_many(&live));
        let count = |list: &[String]| u64::try_from(list.len()).unwrap_or(u64::MAX);
        Report {
            since: span.since,
            until: span.until,
            answers: new.answers,
            unknown: new.unknown,
            rules: self.rules.into_iter().map(|(line, ..)| line).collect(),
            stopped: Stopped {
                effects: Both { new: new.dropped, live: live.dropped },
                over_person_limit: Both { new: new.over_person, live: live.over_person },
                pauses: Both { new: count(&paused_new), live: count(&paused_live) },
                paused_rules: paused_new.into_iter().collect(),
            },
            mails: side_by_side(new.mails, live.mails)
                .into_iter()
                .map(|((template, to), days)| MailLine { template, to, count: total(&days), days: day_lines(&days) })
                .collect(),
            owners: side_by_side(new.tasks, live.tasks)
                .into_iter()
                .map(|(owner, days)| OwnerLine { owner, count: total(&days), days: day_lines(&days), weeks: week_lines(&days) })
                .collect(),
            codes: pools(new.codes, live.codes),
            cases: self.cases,
        }
    }
}

type ByDay = BTreeMap<i64, Both>;

fn side_by_side<K: Ord>(new: BTreeMap<K, BTreeMap<i64, u64>>, live: BTreeMap<K, BTreeMap<i64, u64>>) -> BTreeMap<K, ByDay> {
    let mut all: BTreeMap<K, ByDay> = BTreeMap::new();
    for (key, days) in new {
        let counts = all.entry(key).or_default();
        for (day, count) in days {
            counts.entry(day).or_default().new += count;
        }
    }
    for (key, days) in live {
        let counts = all.entry(key).or_default();
        for (day, count) in days {
            counts.entry(day).or_default().live += count;
        }
    }
    all
}

fn pools(new: BTreeMap<String, u64>, live: BTreeMap<String, u64>) -> BTreeMap<String, Both> {
    let mut all: BTreeMap<String, Both> = new.into_iter().map(|(pool, new)| (pool, Both { new, live: 0 })).collect();
    for (pool, live) in live {
        all.entry(pool).or_default().live = live;
    }
    all
}

fn total(days: &ByDay) -> Both {
    days.values().fold(Both::default(), |sum, day| Both { new: sum.new + day.new, live: sum.live + day.live })
}

fn date(day: i64) -> NaiveDate {
    DateTime::from_timestamp(day.saturating_mul(86_400), 0).unwrap_or_default().date_naive()
}

fn day_lines(days: &ByDay) -> Vec<DayLine> {
    days.iter().map(|(day, count)| DayLine { day: date(*day), count: *count }).collect()
}

fn week_lines(days: &ByDay) -> Vec<WeekLine> {
    let mut weeks: BTreeMap<NaiveDate, Both> = BTreeMap::new();
    for (day, count) in days {
        let day = date(*day);
        let monday = day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))).unwrap_or(day);
        let week = weeks.entry(monday).or_default();
        week.new += count.new;
        week.live += count.live;
    }
    weeks.into_iter().map(|(week, count)| WeekLine { week, count }).collect()
}
