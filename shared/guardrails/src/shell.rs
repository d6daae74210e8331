//! Shell.

use crate::Dialect;
use crate::analysis::Analysis;

pub(crate) fn analyse(_command: &str) -> Analysis {
    Analysis::not_understood(Dialect::Shell, "not there yet")
}
