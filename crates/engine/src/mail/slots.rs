//! Who uses which connection to the mail server, and who is next.
//!
//! What must stay true: there are never more users than places; a place that ends in whatever way goes on to who has waited
//! longest. Refuses to know: what a connection is used for, and when the server is left in peace.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hearback_mailer::{Envelope, Session};
use tokio::sync::oneshot;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Slots(Arc<Mutex<Places>>);

#[derive(Debug)]
struct Places {
    free: usize,
    idle: Vec<Session>,
    waiting: VecDeque<Waiting>,
}

/// A mail that waits for its turn.
#[derive(Debug)]
struct Waiting {
    envelope: Envelope,
    turn: oneshot::Sender<Turn>,
}

/// The right to use one connection, with the connection if there is one already.
pub(crate) type Turn = (Slot, Option<Session>);

impl Slots {
    pub(crate) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(Places { free: places, idle: Vec::new(), waiting: VecDeque::new() })))
    }

    /// Places that nobody uses.
    pub(crate) fn free(&self) -> usize {
        self.places().free
    }

    /// Stands in line with this mail; the turn comes by the channel, at once where a place is free.
    pub(crate) fn queue(&self, envelope: Envelope) -> oneshot::Receiver<Turn> {
        let (turn, told) = oneshot::channel();
        let mut places = self.places();
        if places.free == 0 {
            places.waiting.push_back(Waiting { envelope, turn });
            return told;
        }
        let free = self.take(&mut places);
        drop(places);
        let _ = turn.send(free);
        told
    }

    fn take(&self, places: &mut Places) -> Turn {
        places.free -= 1;
        (Slot { slots: Some(self.clone()), next: None }, places.idle.pop())
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Places {
    /// Who has waited longest, and still does.
    fn next(&mut self) -> Option<Waiting> {
        while let Some(waiting) = self.waiting.pop_front() {
            if !waiting.turn.is_closed() {
                return Some(waiting);
            }
        }
        None
    }

    /// The same; when nobody waits the place is free, and its connection kept.
    fn next_or_free(&mut self, session: &mut Option<Session>) -> Option<Waiting> {
        let next = self.next();
        if next.is_none() {
            self.free += 1;
            self.idle.extend(session.take());
        }
        next
    }
}

/// The right to use one connection. It goes on to who is next, or is free when nobody waits.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Absent once it was passed on.
    slots: Option<Slots>,
    /// Who has it next, when that was settled before the end.
    next: Option<Waiting>,
}

impl Slot {
    /// Settles who is next.
    pub(crate) fn announce(&mut self) -> Option<Envelope> {
        let slots = self.slots.as_ref()?;
        self.next = self.next.take().or_else(|| slots.places().next());
        self.next.as_ref().map(|next| next.envelope.clone())
    }

    /// Whoever was to be next need not wait for this place any longer: it takes the first that comes.
    pub(crate) fn renounce(&mut self) {
        let (Some(slots), Some(next)) = (&self.slots, self.next.take()) else { return };
        let mut places = slots.places();
        if places.free == 0 {
            places.waiting.push_front(next);
            return;
        }
        let free = slots.take(&mut places);
        drop(places);
        // When it has given up meanwhile, the place comes back and passes itself on.
        let _ = next.turn.send(free);
    }

    /// Ends the use of the place.
    pub(crate) fn pass(&mut self, mut session: Option<Session>) {
        let Some(slots) = self.slots.take() else { return };
        let mut next = self.next.take();
        loop {
            let Some(waiting) = next.take().or_else(|| slots.places().next_or_free(&mut session)) else { return };
            match waiting.turn.send((Self { slots: Some(slots.clone()), next: None }, session.take())) {
                Ok(()) => return,
                // It has given up this moment.
                Err((mut slot, back)) => {
                    slot.slots = None;
                    session = back;
                }
            }
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.pass(None);
    }
}

#[cfg(test)]
mod tests {
    use hearback_core::Email;

    use super::*;

    fn envelope(size: usize) -> Envelope {
        let email = |text: &str| Email::parse(text).unwrap();
        Envelope { sender: email("us@example.com"), recipient: email("anna@example.org"), size }
    }

    #[test]
    fn who_waits_longest_is_next_and_who_has_left_is_passed_over() {
        let slots = Slots::new(1);
        let (mut slot, _) = slots.queue(envelope(0)).try_recv().unwrap();
        let (left, mut second, mut third) = (slots.queue(envelope(1)), slots.queue(envelope(2)), slots.queue(envelope(3)));
        drop(left);
        assert_eq!((slot.announce(), slot.announce()), (Some(envelope(2)), Some(envelope(2))));
        slot.pass(None);
        let (slot, _) = second.try_recv().unwrap();
        assert!(third.try_recv().is_err() && slots.free() == 0);
        drop(slot);
        assert!(third.try_recv().is_ok());
    }

    #[test]
    fn a_place_that_is_lost_comes_back_with_whoever_was_announced_there() {
        let slots = Slots::new(1);
        let (mut slot, _) = slots.queue(envelope(0)).try_recv().unwrap();
        let (mut next, last) = (slots.queue(envelope(1)), slots.queue(envelope(2)));
        slot.announce();
        drop(slot);
        let (mut slot, _) = next.try_recv().unwrap();
        assert_eq!(slot.announce(), Some(envelope(2)));
        drop(last);
        slot.pass(None);
        assert_eq!(slots.free(), 1);
    }

    #[test]
    fn who_need_not_wait_any_longer_takes_the_first_place() {
        let slots = Slots::new(2);
        let turn = |number| slots.queue(envelope(number)).try_recv().unwrap().0;
        let (mut slow, quick) = (turn(0), turn(1));
        let (mut next, mut last) = (slots.queue(envelope(2)), slots.queue(envelope(3)));
        assert_eq!(slow.announce(), Some(envelope(2)));
        slow.renounce();
        assert_eq!(slow.announce(), Some(envelope(2)), "it keeps its place in the line");
        slow.renounce();
        drop(quick);
        let (taken, _) = next.try_recv().unwrap();
        assert!(last.try_recv().is_err());
        assert_eq!(slow.announce(), Some(envelope(3)));
        drop(taken);
        assert_eq!(slots.free(), 1);
        slow.renounce();
        assert!(last.try_recv().is_ok());
    }
}
