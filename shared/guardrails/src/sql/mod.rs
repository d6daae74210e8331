//! MySQL and SQLite.

use crate::Dialect;
use crate::analysis::Analysis;
use crate::lexed::{Class, Lexed};

pub(crate) fn analyse(dialect: Dialect, _command: &str) -> Analysis {
    Analysis::not_understood(dialect, "not there yet")
}

pub(crate) fn lex(command: &str, _dialect: Dialect) -> Lexed {
    Lexed::new([(Class::Code, command)])
}
