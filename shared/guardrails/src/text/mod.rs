//! SQL as text: tokens, statements and positions, for the analysis and for what executes a command.
//!
//! One lexer per dialect, written against the server's own rules, so that the text that is analysed is cut exactly
//! where the text that runs is cut. It knows no grammar.

mod delimiter;
mod lexer;
mod places;
mod position;
mod program;
mod split;

pub use lexer::{LexError, Token, TokenKind, tokens};
pub(crate) use places::{before, verb};
pub use position::Position;
pub use program::is_one_program;
pub use split::{Piece, split};
