//! How fast a target is told: not more than it can read, and not while it is down.

use std::time::Duration;

use tokio::time::Instant;

/// In which a target hears of so many things one by one.
const WINDOW: Duration = Duration::from_secs(60);
/// How long a target that failed is left alone at first; each further time twice as long.
const FIRST_REST: Duration = Duration::from_secs(5);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(300);

/// What a target was sent lately.
#[derive(Debug)]
pub(super) struct Pace {
    most: Option<u32>,
    began: Option<Instant>,
    sent: u32,
    held: bool,
    failures: u32,
    rests_until: Option<Instant>,
}

impl Pace {
    /// `most` in a minute; none: as many as there are.
    pub(super) fn new(most: Option<u32>) -> Pace {
        Pace {
            most,
            began: None,
            sent: 0,
            held: false,
            failures: 0,
            rests_until: None,
        }
    }

    /// How many may go out now.
    pub(super) fn room(&mut self, now: Instant) -> usize {
        if self.rests_until.is_some_and(|until| now < until) {
            return 0;
        }
        let Some(most) = self.most else {
            return usize::MAX;
        };
        if self.began.is_none_or(|began| now >= began + WINDOW) {
            (self.began, self.sent) = (None, 0);
        }
        most.saturating_sub(self.sent) as usize
    }

    /// So many wait: whether they are to become one, as there were too many in the minute before too.
    pub(super) fn folds(&self, waiting: usize) -> bool {
        let most = self.most.map(|most| most as usize);
        self.held && self.sent == 0 && most.is_some_and(|most| waiting > most)
    }

    /// More wait than may go out in this minute.
    pub(super) fn hold(&mut self, some: bool) {
        self.held = some;
    }

    pub(super) fn reached(&mut self, now: Instant) {
        self.began.get_or_insert(now);
        self.sent = self.sent.saturating_add(1);
        (self.failures, self.rests_until) = (0, None);
    }

    pub(super) fn failed(&mut self, now: Instant) {
        let doubled = FIRST_REST.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        self.rests_until = Some(now + doubled.min(LONGEST_REST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_a_minute_and_what_was_held_is_folded_in_the_next() {
        let now = Instant::now();
        let mut pace = Pace::new(Some(2));
        assert!(pace.room(now) == 2 && !pace.folds(9));
        pace.reached(now);
        pace.reached(now);
        pace.hold(true);
        assert!(pace.room(now + WINDOW / 2) == 0 && !pace.folds(9));
        assert_eq!(pace.room(now + WINDOW), 2);
        assert!(pace.folds(3) && !pace.folds(2));
        pace.hold(false);
        assert!(!pace.folds(3));
        assert_eq!(Pace::new(None).room(now), usize::MAX);
    }

    #[test]
    fn who_is_down_is_left_alone_for_longer_and_longer() {
        let now = Instant::now();
        let mut pace = Pace::new(None);
        let mut rest = Duration::ZERO;
        for wanted in [5, 10, 20, 40, 80, 160, 300, 300] {
            pace.failed(now + rest);
            assert_eq!(pace.room(now + rest + Duration::from_secs(wanted - 1)), 0);
            rest += Duration::from_secs(wanted);
            assert_eq!(pace.room(now + rest), usize::MAX, "{wanted}");
        }
        pace.reached(now + rest);
        pace.failed(now + rest);
        assert_eq!(pace.room(now + rest + FIRST_REST), usize::MAX);
    }
}
