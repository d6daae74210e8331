//! Following a request from its submission to its output: [`step`] decides, [`view`] words,
//! [`screen`] draws, [`follow`] joins them with the network.

pub(crate) mod ending;
pub(crate) mod follow;
pub(crate) mod output;
pub(crate) mod screen;
mod step;
mod view;

#[cfg(test)]
mod phase_tests;
#[cfg(test)]
mod step_tests;
