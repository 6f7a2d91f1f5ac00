//! The feed never goes past a transaction that is still under way.

use std::time::Duration;

use chrono::{DateTime, Utc};
use hearback_core::{
    Clock as _, SystemClock,
    id::{CaseId, WorkspaceId},
    timeline::Entry,
};
use hearback_store::{Db, Tx, events, feed};
use hearback_tests::app::on_every_store;

async fn append(tx: &Tx, ws: WorkspaceId, case: CaseId, now: DateTime<Utc>) {
    events::append(tx, ws, case, "system", &Entry::Note { note: String::new() }, now).await.unwrap();
}

async fn shown(db: &Db, ws: WorkspaceId) -> usize {
    let settled = feed::settled(db, SystemClock.now(), Duration::ZERO).await.unwrap();
    feed::page(db.read(), ws, None, settled, 100).await.unwrap().len()
}

#[tokio::test]
async fn an_entry_whose_transaction_ends_late_is_not_missed() {
    on_every_store(async |app| {
        let setup = app.cx.db.write().await.unwrap();
        let case = CaseId::from_uuid(super::cases(app, &setup, 1).await[0].id);
        setup.commit().await.unwrap();
        // The answer that the case is of.
        assert_eq!(shown(&app.cx.db, app.ws).await, 1);
        let other_node = app.database.open().await;
        let slow = app.cx.db.write().await.unwrap();
        append(&slow, app.ws, case, SystemClock.now()).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        // SQLite has one writer: a second one, on the other node, could not even begin.
        let before = if app.cx.db.writers() > 1 {
            let quick = other_node.write().await.unwrap();
            append(&quick, app.ws, case, SystemClock.now()).await;
            quick.commit().await.unwrap();
            tokio::time::sleep(Duration::from_millis(30)).await;
            assert_eq!(shown(&other_node, app.ws).await, 1, "the other node knows of the slow one as well");
            2
        } else {
            1
        };
        assert_eq!(shown(&app.cx.db, app.ws).await, 1);
        slow.commit().await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert_eq!(shown(&app.cx.db, app.ws).await, before + 1);
        assert_eq!(app.cx.db.oldest_write(), None);
        other_node.close().await.unwrap();
    })
    .await;
}
