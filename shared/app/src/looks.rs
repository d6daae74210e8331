//! Looking at something again and again until it changes, for a bounded time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use tokio::sync::watch;

/// A pause is at least so many times as long as the look before it took: a table that is busy is
/// asked less often, so that those who wait do not hold up those who work.
const PAUSE_PER_LOOK: u32 = 8;

/// That the process is about to end: whoever waits is answered now. In Lambda nobody says so.
#[derive(Debug, Clone)]
pub struct Stopping(Arc<watch::Sender<bool>>);

impl Default for Stopping {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stopping {
    /// Says so.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }
}

/// The pauses between looks: short at first, then twice as long each time.
#[derive(Debug)]
pub struct Looks {
    stopping: Stopping,
    until: Instant,
    first: Duration,
    longest: Duration,
    pause: Duration,
    looked: Instant,
}

impl Looks {
    /// Looks for at most `at_most` from `began`, which is when the call came in: what was done
    /// before the first look counts.
    #[must_use]
    pub fn new(
        stopping: &Stopping,
        began: Instant,
        at_most: Duration,
        first: Duration,
        longest: Duration,
    ) -> Self {
        let stopping = stopping.clone();
        Self { stopping, until: began + at_most, first, longest, pause: first, looked: Instant::now() }
    }

    /// Says that a look begins.
    pub fn begin(&mut self) {
        self.looked = Instant::now();
    }

    /// Something happens: look closely again.
    pub fn closely(&mut self) {
        self.pause = self.first;
    }

    /// Pauses before the next look, after one that has just been answered. False if the time is up,
    /// or would be before another answer came, and as soon as the process is about to end.
    pub fn again<'a>(&'a mut self) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let now = Instant::now();
            let took = now - self.looked;
            let pause = self.pause.max(took.saturating_mul(PAUSE_PER_LOOK));
            self.pause = (self.pause * 2).min(self.longest);
            let left = self.until.saturating_duration_since(now).saturating_sub(took);
            if left.is_zero() {
                return false;
            }
            let mut stopping = self.stopping.0.subscribe();
            tokio::select! {
                () = tokio::time::sleep(pause.min(left)) => true,
                _ = stopping.wait_for(|stopping| *stopping) => false,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn there_is_no_look_whose_answer_would_come_too_late() {
        let mut looks = Looks::new(&Stopping::default(), Instant::now(), Duration::ZERO, SECOND, SECOND);
        assert!(!looks.again().await);
        // A look that took as long as is left.
        let began = Instant::now().checked_sub(SECOND * 60).unwrap();
        let mut looks = Looks::new(&Stopping::default(), began, SECOND * 100, SECOND, SECOND);
        looks.looked = began;
        assert!(!looks.again().await);
    }

    #[tokio::test]
    async fn the_last_pause_ends_with_the_time() {
        let mut looks =
            Looks::new(&Stopping::default(), Instant::now(), SECOND, SECOND * 1000, SECOND * 1000);
        looks.begin();
        assert!(looks.again().await, "one more look, when the time is nearly up");
        // It ends, and not with the pause of a thousand seconds.
        while looks.again().await {}
    }

    #[tokio::test]
    async fn whoever_waits_is_answered_when_the_process_is_about_to_end() {
        let stopping = Stopping::default();
        let mut looks = Looks::new(&stopping, Instant::now(), SECOND * 1000, SECOND * 1000, SECOND * 1000);
        let (waited, ()) = tokio::join!(looks.again(), async { stopping.begin() });
        assert!(!waited, "without the pause of a thousand seconds");
        let mut later = Looks::new(&stopping, Instant::now(), SECOND * 1000, SECOND * 1000, SECOND * 1000);
        assert!(!later.again().await);
    }
}
