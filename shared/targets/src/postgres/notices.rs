//! The notices and warnings that the server sends beside its answers.

use crate::notices::Notice;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_postgres::error::DbError;

/// The most notices that wait to be taken; those after them are counted.
const MAX_WAITING: usize = 1000;

/// The notices of a session that were not taken yet.
///
/// The task that reads from the server puts a notice here before it hands on the answer that follows it, so that those
/// of a statement are here once the statement has ended.
#[derive(Clone, Default)]
pub(super) struct Inbox(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    notices: VecDeque<Notice>,
    lost: u64,
}

impl Inbox {
    pub(super) fn put(&self, notice: &DbError) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.notices.len() < MAX_WAITING {
            waiting.notices.push_back(read(notice));
        } else {
            waiting.lost += 1;
        }
    }

    /// Takes what came, and how many more there were.
    pub(super) fn take(&self) -> (VecDeque<Notice>, u64) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut waiting.notices), std::mem::take(&mut waiting.lost))
    }
}

fn read(notice: &DbError) -> Notice {
    let mut message = notice.message().to_owned();
    for (name, text) in [("detail", notice.detail()), ("hint", notice.hint())] {
        if let Some(text) = text {
            message.push_str(&format!("; {name}: {text}"));
        }
    }
    let code = Some(notice.code().code().to_owned()).filter(|code| code != "00000");
    Notice { severity: notice.severity().to_owned(), code, message }
}
