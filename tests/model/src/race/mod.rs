//! A race over one request, for stateright: it uses the real `decide`, `commit`, `evolve` and `effects`.
//!
//! Three people of two groups (one of them in both) approve and reject, the requester cancels, a timer
//! fires, two executors claim. Each of them loads the request, reads the clock and decides in one
//! step, and writes in another, any time later, on condition that the version is still the one that
//! was loaded; a write that loses finds out, and begins anew. Between commit and effect, between
//! claim and outcome, between a commit and its answer somebody may crash. Timers may come late,
//! early, twice or not at all; the sweep comes when the clock has ended.
//!
//! A map: [`cast`] is who takes part and by which rules, [`world`] what there is, [`step`] what can
//! happen, [`law`] what must hold, [`sabotage`] how to break it, so that the model is seen to fail.

pub mod cast;
pub mod law;
pub mod sabotage;
mod script;
pub mod step;
pub mod world;

use stateright::{Model, Property};

pub use cast::{Limits, Race};
pub use sabotage::Sabotage;
pub use step::Step;
pub use world::World;

impl Model for Race {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        step::possible(self, world, steps);
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let next = step::take(self, world, step)?;
        // Every step leads on and none back, so what holds where nothing more can happen holds at last.
        assert!(self.forgets_versions() || next.rank() > world.rank(), "{step:?} leads nowhere");
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        law::properties()
    }
}
