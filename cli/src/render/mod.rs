//! What people read: safe text, styled lines, tables, the card of a request.

pub(crate) mod card;
pub(crate) mod columns;
pub(crate) mod command;
pub(crate) mod line;
pub(crate) mod moment;
pub(crate) mod safe;
pub(crate) mod statements;
pub(crate) mod table;
pub(crate) mod ui;

pub(crate) use columns::Column;
pub(crate) use line::{Line, Tone};
pub(crate) use ui::{Format, Ui};
