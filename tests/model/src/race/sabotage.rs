//! How to break the product on purpose: a model that cannot fail proves nothing.

use countersign_rules::{Command, Fact, Phase, Refusal, Request, decide};

use super::cast::{Race, instant};

/// One thing that is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The store writes whatever it is given, whichever version it has.
    StoreForgetsVersions,
    /// `decide` looks at no clock when somebody votes.
    VotesComeAtAnyTime,
    /// `decide` looks at no clock when somebody claims.
    ClaimsComeAtAnyTime,
    /// The claim takes the voters for what they were when they voted.
    VotersAreNotLookedAtAgain,
    /// The claim's transaction does not check that the people are still as they were read.
    PeopleMayChangeUnderTheClaim,
    /// All executors go by the same name.
    ExecutorsShareTheirName,
    /// A lease never lapses.
    LeasesNeverLapse,
    /// A restored table keeps its epoch.
    RestoreKeepsTheEpoch,
}

impl Race {
    /// `decide`, unless it is broken.
    pub(super) fn decide(&self, request: &Request, command: &Command, now: u8) -> Result<Vec<Fact>, Refusal> {
        let deaf_to_the_clock = match (self.sabotage, command) {
            (Some(Sabotage::VotesComeAtAnyTime), Command::Vote { .. })
            | (Some(Sabotage::ClaimsComeAtAnyTime), Command::Claim { .. }) => true,
            (Some(Sabotage::LeasesNeverLapse), Command::Tick) => matches!(request.phase, Phase::Running(..)),
            _ => false,
        };
        decide(request, command, if deaf_to_the_clock { instant(0) } else { instant(now) })
    }
}
