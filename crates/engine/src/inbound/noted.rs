//! What is noted of a mailbox: how far it was read, and that it can't be.

use hearback_store::{mailboxes, time::millis};

use super::of_the_house;
use crate::{
    Ctx, EngineError,
    alerts::{Alert, AlertKind, over, raise},
};

/// The number of the first message that was not taken yet. A mailbox that was made anew is read from its beginning: what is
/// known already is known by what it says.
pub(super) async fn read_up_to(cx: &Ctx, name: &str, validity: i64) -> Result<u32, EngineError> {
    let known = mailboxes::by_name(cx.db.read(), name).await?.filter(|row| row.uid_validity == validity);
    Ok(known.map_or(1, |row| u32::try_from(row.next_uid).unwrap_or(1)).max(1))
}

/// All messages below this number were taken.
pub(super) async fn note(cx: &Ctx, name: &str, validity: i64, next_uid: i64) -> Result<(), EngineError> {
    let tx = cx.db.write().await?;
    let row = mailboxes::Model { name: name.to_owned(), uid_validity: validity, next_uid, looked_at: millis(cx.now()) };
    mailboxes::note(&tx, row).await?;
    tx.commit().await?;
    Ok(())
}

/// The mailbox can be read: what was told of it is over.
pub(super) async fn works(cx: &Ctx, name: &str) -> Result<(), EngineError> {
    let ws = of_the_house(cx).await?;
    let tx = cx.db.write().await?;
    over(&tx, ws, AlertKind::Mailbox, name, cx.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Tells somebody that the mailbox can't be read.
pub(super) async fn tell(cx: &Ctx, name: &str, what: &str, times: u32) -> Result<(), EngineError> {
    let ws = of_the_house(cx).await?;
    let message = format!(
        "incoming mail is not read: {what} failed {times} times; `hearback doctor` on the server says why. Nothing is lost meanwhile"
    );
    let tx = cx.db.write().await?;
    raise(&tx, ws, &[Alert::new(AlertKind::Mailbox, name, message)], cx.now()).await?;
    tx.commit().await?;
    Ok(())
}
