//! An address that takes no mail: when it is not mailed any more.
//!
//! A mailbox that does not exist is given up at once. Any other that took none of three mails in a row is given up too, whatever
//! the servers said and however long ago, and so is one of which three came back within a month: nobody is asked for ever. Both hold for mail that came back and for mail that was
//! refused while it was sent.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use hearback_core::id::WorkspaceId;
use hearback_mailer::Blame;
use hearback_store::{StoreError, Tx, deliveries, messages, suppressions as store, time::millis};

use crate::{
    alerts::{Alert, AlertKind, raise},
    customers::suppressions::{Reason, row},
};

/// Mails in a row that an address may refuse or return.
const MOST: u64 = 3;
/// Within which as many mails that came back for passing reasons are too many, whatever arrived between them.
const LATELY: Duration = Duration::days(30);
/// Other addresses of a domain that are refused with this one, before it is the domain that refuses us.
const MOST_ALIKE: usize = 3;

/// A mail to a customer that was refused, or came back.
#[derive(Debug, Clone)]
pub struct Untaken {
    /// Where it went.
    pub address: String,
    /// Whose fault it was.
    pub blame: Blame,
    /// What the server said, without its words.
    pub why: String,
}

/// Gives the address up if it is time to, in the transaction that notes how the mail ended, after it was noted.
pub(crate) async fn note(tx: &Tx, ws: WorkspaceId, untaken: &Untaken, now: DateTime<Utc>) -> Result<(), StoreError> {
    let Untaken { address, blame, why } = untaken;
    let stop = async |note: String| store::put(tx, &[row(ws, address, Reason::HardBounce, Some(note), now)]).await;
    if *blame == Blame::Address {
        stop(why.clone()).await?;
        return Ok(());
    }
    let in_a_row = deliveries::untaken_in_a_row(tx, ws, address).await?;
    let lately = messages::came_back(tx, ws, address, Blame::Passing.as_str(), millis(now - LATELY)).await?;
    let told = if in_a_row >= MOST && !(*blame == Blame::Policy && is_us(tx, ws, address).await?) {
        format!("it took none of {in_a_row} mails in a row; the last: {why}")
    } else if *blame == Blame::Passing && lately >= MOST {
        format!("{lately} mails came back within {} days; the last: {why}", LATELY.num_days())
    } else {
        return Ok(());
    };
    if stop(told).await? > 0 {
        let message = "an address is not mailed any more: its last mails came back or were refused; Suppressed addresses says which and why. Ask the \
             customer for another one, or lift it there if that was a mistake";
        raise(tx, ws, &[Alert::new(AlertKind::AddressGivenUp, "mail", message)], now).await?;
    }
    Ok(())
}

/// Whether a refusal of us says nothing about this address, because it is not alone: nobody else takes our mail just now, or
/// nobody else of its domain.
async fn is_us(tx: &Tx, ws: WorkspaceId, address: &str) -> Result<bool, StoreError> {
    let others = deliveries::of_others_lately(tx, ws, address).await?;
    let domain_of = |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_owned());
    let domain = domain_of(address);
    let refusing = |least: usize, counts: &dyn Fn(&str) -> bool| {
        let theirs = others.iter().filter(|(other, _)| counts(other));
        let (taking, refusing): (Vec<_>, Vec<_>) = theirs.partition(|(_, is_taken)| *is_taken);
        taking.is_empty() && refusing.iter().map(|(other, _)| other).collect::<BTreeSet<_>>().len() >= least
    };
    Ok(refusing(1, &|_| true) || refusing(MOST_ALIKE, &|other| domain_of(other) == domain))
}
