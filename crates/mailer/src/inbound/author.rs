//! Whom a mail says it is from. Lists and groups that hand mail on put their own address there (for DMARC) and the writer's elsewhere.

use hearback_core::Email;

use super::head::Head;

/// Where the writer's address stands then, the surest first.
const ORIGINAL: [&str; 3] = ["x-original-from", "x-original-sender", "resent-from"];
/// What lists and groups add.
const OF_LISTS: [&str; 4] = ["list-id", "list-post", "mailing-list", "x-beenthere"];

/// The address of its writer; empty when it names none.
pub(super) fn of(head: &Head<'_>, own: &[Email]) -> String {
    let from = head.addresses("from").into_iter().next().unwrap_or_default();
    if !is_ours(&from, own) {
        return from;
    }
    let other = |name| head.addresses(name).into_iter().find(|address| !is_ours(address, own));
    let over_list = OF_LISTS.iter().any(|name| head.has(name));
    ORIGINAL.into_iter().find_map(other).or_else(|| over_list.then(|| other("reply-to")).flatten()).unwrap_or(from)
}

/// An address of our own, with whatever stands behind `+`.
pub(super) fn is_ours(from: &str, own: &[Email]) -> bool {
    let Some((local, domain)) = from.rsplit_once('@') else { return false };
    let bare = local.split('+').next().unwrap_or_default();
    own.iter().filter_map(|own| own.as_str().rsplit_once('@')).any(|own| own == (bare, domain))
}
