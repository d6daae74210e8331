//! A change of the configuration that was agreed to: it has no target and no secret, and says nothing.

use countersign_app::claim::Claimed;
use countersign_app::four_eyes::NotCarriedOut;
use countersign_rules::command::Ending;
use countersign_rules::event::Outcome;
use countersign_storage::requests::Aside;

use crate::output::Kept;
use crate::{Execute, failed, lost};

impl Execute {
    /// Stores what was agreed to, in one transaction of its own.
    pub(crate) async fn carry_out(&self, claimed: &Claimed) -> (Ending, Aside) {
        match self.app.carry_out(&claimed.state, &claimed.created.command).await {
            Ok(()) => (Ending::Succeeded(Outcome::default()), Aside::default()),
            Err(NotCarriedOut::Failed(why)) => failed(why, Kept::default()),
            Err(NotCarriedOut::Lost(why)) => lost(why, None),
        }
    }
}
