//! Ten rules tried out on a year of answers.

use std::time::Instant;

use hearback_engine::automation::{
    backtest::{self, Span},
    publish,
};
use hearback_store::time::millis;

use crate::{
    Place, child, fill,
    timings::{Timings, micros},
};

/// As many rules as an installation has, asking about all that rules can ask about.
const RULES: &str = r#"
- { key: r1, on: response_settled, when: { segment: detractor }, then: [{ tag: [at-risk] }, { assign: round_robin:support }, { open_task: Call, owner: case, due: 2d }, { send_mail: detractor_outreach, to: customer }] }
- { key: r2, on: response_settled, when: { segment: detractor, person: { plan: gold } }, then: [{ escalate: A good customer is unhappy, to: team:support }] }
- { key: r3, on: response_settled, when: { segment: passive, email: present }, then: [{ give_incentive: thank-you }, { send_mail: passive_thanks, to: customer }] }
- { key: r4, on: response_settled, when: { segment: promoter }, then: [{ send_mail: promoter_thanks, to: customer }] }
- { key: r5, on: response_settled, when: { segment: promoter, person: { orders: { gte: 20 } } }, then: [{ create_referral: true, after: 55m }, { send_mail: referral_invitation, to: customer, after: 1h, if: { segment: promoter } }] }
- { key: r6, on: response_settled, when: { comment_contains: ["came late", "late*", "damaged"] }, then: [{ tag: [delivery] }] }
- { key: r7, on: response_settled, when: { any: [{ locale: fi }, { person: { plan: [silver, gold] } }], score: { lte: 8 } }, then: [{ tag: [key-customer] }] }
- { key: r8, on: response_settled, when: { all: [{ survey: nps }, { not: { channel: email } }, { comment: absent }], score: { lt: 7 } }, then: [{ open_task: QuestionType why, owner: person, due: 5d }] }
- { key: r9, on: response_settled, when: { account: { value: { gt: 10000 } } }, then: [{ assign: account }] }
- { key: r10, on: response_settled, when: { person: { orders: { lt: 1 } } }, then: [{ tag: [new-customer] }, { open_task: Welcome, owner: team:support, due: 3d, after: 1d, if: { loop_status: open } }] }
"#;

/// Measures one backtest of all rows: how long it takes and how much memory at its peak.
pub async fn run(place: &Place) -> anyhow::Result<Timings> {
    let (cx, ws, survey) = place.open_survey().await?;
    let database = place.database();
    let rows = i64::try_from(place.args.rows)?;
    fill::answers(&cx.db, ws, survey, 0, rows, millis(cx.now())).await?;
    let mut found = Timings { title: format!("backtest of ten rules, {rows} responses, {database}"), ..Timings::default() };
    let rules = publish::read_text(&cx, ws, RULES).await?;
    child::forget_peak();
    let begun = Instant::now();
    let report = backtest::run(&cx, ws, rules, Span { list: 50, ..Span::default() }).await?;
    found.push("against the shipped rules", vec![micros(begun)]);
    let mails: u64 = report.mails.iter().map(|line| line.count.new).sum();
    let tasks: u64 = report.owners.iter().map(|line| line.count.new).sum();
    found.notes.push(format!("{} answers asked about, {mails} mails, {tasks} tasks", report.answers));
    found.notes.extend(child::peak());
    Ok(found)
}
