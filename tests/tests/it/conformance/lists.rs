//! Lists in pages: each row once, whatever comes or goes meanwhile.

use hearback_store::{
    bulk,
    case_list::{self, CaseFilter, CaseOrder},
    cases,
    cursor::{Cursor, Page},
    lists::{self, PersonFilter},
    persons,
    time::millis,
};
use hearback_tests::app::{TestApp, on_every_store};
use uuid::Uuid;

use super::person;

#[test]
fn a_cursor_survives_its_journey_and_nothing_else_is_one() {
    for sort in [0, 1, -1, i64::MIN, i64::MAX, 1_773_651_600_000] {
        let cursor = Cursor { sort, id: Uuid::from_u128(7) };
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
    }
    for bad in ["", ".", "1", "1.", "x.y", "-1.00000000000000000000000000000007", "1.7", "1.00000000000000000000000000000007.1"] {
        assert_eq!(Cursor::decode(bad), None, "{bad}");
    }
}

/// Cases with few different due times, some with none, so that the order needs its tie-breaker.
async fn stored_cases(app: &TestApp) -> Vec<Uuid> {
    let tx = app.cx.db.write().await.unwrap();
    let cases = super::cases(app, &tx, 23).await;
    for (n, case) in (0_i64..).zip(&cases) {
        let due = (n % 3 > 0).then(|| millis(app.now()) + n % 3);
        cases::save(&tx, cases::Model { answered_at: n % 4, first_contact_due_at: due, ..case.clone() }).await.unwrap();
    }
    tx.commit().await.unwrap();
    cases.into_iter().map(|case| case.id).collect()
}

#[tokio::test]
async fn pages_show_each_case_once_in_both_orders() {
    on_every_store(async |app| {
        let mut stored = stored_cases(app).await;
        stored.sort_unstable();
        for order in [CaseOrder::Newest, CaseOrder::Due] {
            let mut seen = Vec::new();
            let mut page = Page::first(5);
            loop {
                let listed = case_list::list(app.cx.db.read(), app.ws, &CaseFilter::default(), order, page).await.unwrap();
                seen.extend(listed.items);
                match listed.next {
                    Some(next) => page.after = Some(next),
                    None => break,
                }
            }
            match order {
                CaseOrder::Newest => assert!(seen.is_sorted_by_key(|case| std::cmp::Reverse(case.answered_at))),
                CaseOrder::Due => assert!(seen.is_sorted_by_key(|case| case_list::due_at(case).unwrap_or(i64::MAX))),
            }
            let mut ids: Vec<Uuid> = seen.into_iter().map(|case| case.id).collect();
            ids.sort_unstable();
            assert_eq!(ids, stored);
        }
    })
    .await;
}

#[tokio::test]
async fn a_row_that_comes_meanwhile_neither_repeats_nor_hides_others() {
    on_every_store(async |app| {
        let insert = async |emails: &[String]| {
            let rows: Vec<persons::Model> = emails.iter().map(|email| person(app, email)).collect();
            let tx = app.cx.db.write().await.unwrap();
            bulk::insert::<persons::Entity>(&tx, &rows).await.unwrap();
            tx.commit().await.unwrap();
        };
        insert(&(0..20).map(|n| format!("old-{n}@example.com")).collect::<Vec<_>>()).await;
        let first = lists::all_persons(app.cx.db.read(), app.ws, &PersonFilter::default(), Page::first(10)).await.unwrap();
        app.clock.advance(chrono::Duration::seconds(1));
        insert(&["new@example.com".to_owned()]).await;
        let second =
            lists::all_persons(app.cx.db.read(), app.ws, &PersonFilter::default(), Page { limit: 10, after: first.next }).await.unwrap();
        let mut keys: Vec<String> = first.items.into_iter().chain(second.items).map(|row| row.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 20);
        assert!(second.next.is_none());
    })
    .await;
}
