//! What the product costs: the benchmarks behind `docs/performance.md`.
//!
//! - [`capacity`] counts round trips and capacity units, by call and for a whole life
//! - [`deliveries`] tells receivers that fail of very many events, over restarts, and counts what arrives
//! - [`throughput`] lets eight clients live whole lives, beside the same transactions on the store
//!   alone
//! - [`scale`] lists, shows and decides with a thousand requests and with a million
//! - [`start`] starts the deployed binaries beside a bare hello; [`sizes`] zips them; [`memory`] lets
//!   them live lives with the longest commands
//! - [`answers`] checks the functions of a release instead of measuring them
//! - [`press`] starts `callback` for each press of a button in Slack
//! - [`verify`] verifies the export of a log of very many events
//!
//! They stand on [`stage`] (the platform with its people), [`life`] (a life over HTTP), [`alone`]
//! (the same life at the store), [`lambda`] (the deployed binaries under a runtime API of ours) and
//! [`figures`] (medians, processor time).

pub mod alone;
pub mod answers;
pub mod capacity;
pub mod deliveries;
pub mod figures;
pub mod lambda;
pub mod life;
pub mod memory;
pub mod press;
pub mod scale;
pub mod sizes;
pub mod stage;
pub mod start;
pub mod throughput;
pub mod verify;
