//! Who was refused: an event, so that somebody can ask why they tried.
//!
//! It goes with no change, and a refusal stays one if it cannot be written. Only so many a minute are:
//! nobody fills the table by being refused. What is refused to somebody who has not proved who they are is counted
//! apart, so that a stranger cannot keep out of the trail what others are refused.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_http::problem::Refused;
use countersign_identity::Unauthenticated;
use countersign_identity::oidc::Identity;
use countersign_rules::{Actor, Timestamp, Via};
use countersign_storage::Store;
use futures::future::BoxFuture;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::{App, Caller};

/// At most that many events a minute from each process, of each [`Kind`].
const MOST_A_MINUTE: usize = 30;
/// More characters of an address or of an explanation are not kept.
const MOST_CHARACTERS: usize = 300;
/// Who is said to have done what somebody did who has not proved who they are.
pub const STRANGER: &str = "a stranger";

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A decision, a submission.
    Change,
    /// A call, by somebody who proved who they are.
    Access,
    /// A call or a sign-in of somebody who did not.
    Stranger,
}

/// What was noted in one minute.
#[derive(Debug, Default)]
struct Window {
    minute: i64,
    noted: [BTreeSet<String>; 3],
    count: [usize; 3],
}

/// What was noted just now.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<Window>>);

impl Refusals {
    /// Whether there is room for one more of its kind.
    fn has_room(&self, kind: Kind, now: Timestamp) -> bool {
        self.with(now, |window| match window.count.get_mut(kind as usize) {
            Some(count) => {
                *count = count.saturating_add(1);
                *count <= MOST_A_MINUTE
            }
            None => false,
        })
    }

    /// Whether it is the first of its name in this minute. Whoever asks for the same every second is on record once.
    fn is_first(&self, kind: Kind, name: &str, now: Timestamp) -> bool {
        self.with(now, |window| match window.noted.get_mut(kind as usize) {
            Some(noted) if noted.len() < MOST_A_MINUTE => noted.insert(name.to_owned()),
            Some(noted) => !noted.contains(name),
            None => false,
        })
    }

    fn with<T>(&self, now: Timestamp, what: impl FnOnce(&mut Window) -> T) -> T {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if window.minute != now.unix_minutes() {
            *window = Window { minute: now.unix_minutes(), ..Window::default() };
        }
        what(&mut window)
    }
}

/// A call that was answered, as far as a refusal is told by it.
#[derive(Debug, Clone)]
pub struct Call {
    /// The headers by which people prove who they are, and no others.
    pub headers: HeaderMap,
    /// Method and path: `GET /v1/analytics`.
    pub operation: String,
}

impl App {
    /// Notes that a caller was refused something.
    pub fn note_refusal<'a>(
        &'a self,
        caller: &'a Caller,
        kind: &'a str,
        subject: String,
        data: Value,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if self.refusals.has_room(Kind::Change, self.now()) {
                note(&self.store_of(caller), kind, &subject, data).await;
            }
        })
    }

    /// Notes that a call was refused to somebody who is known. Who it was is found out again: where the call was
    /// refused, they may not have been known yet.
    pub fn note_refused_call<'a>(&'a self, call: &'a Call, refused: &'a Refused) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Ok(subject) = self.subject(&call.headers) else { return };
            let name = format!("{subject} {}", call.operation);
            let now = self.now();
            if !self.refusals.is_first(Kind::Access, &name, now) || !self.refusals.has_room(Kind::Access, now)
            {
                return;
            }
            let Ok(found) = self.store.read("refusal", &self.proof(&call.headers, subject)).await else {
                return;
            };
            let Some((store, _)) = self.who(call, &found) else { return };
            let data = told(&call.operation, refused.slug, &refused.detail);
            note(&store, "access.refused", &subject.to_string(), data).await;
        })
    }

    /// Notes that an API token of somebody who is known was refused: it has expired, or it is none of theirs, perhaps
    /// any more. A cookie that is over is the ordinary end of a session.
    pub fn note_refused_token<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Some(subject) = self.token_subject(&call.headers) else { return };
            let name = subject.to_string();
            let now = self.now();
            if !self.refusals.is_first(Kind::Stranger, &name, now)
                || !self.refusals.has_room(Kind::Stranger, now)
            {
                return;
            }
            let Ok(found) = self.store.read("refusal", &self.proof(&call.headers, subject)).await else {
                return;
            };
            if !matches!(found.user(subject), Ok(Some(_))) {
                return;
            }
            let (store, why) = match self.who(call, &found) {
                Some((store, Some(why))) => (store, why.to_string()),
                // It is good by now.
                Some((_, None)) => return,
                None => {
                    let why = "it is no token of this account: it was revoked, or never was one";
                    (self.store.acting(Actor::system(STRANGER), Via::Api), why.to_owned())
                }
            };
            note(&store, "access.refused", &name, told(&call.operation, "unauthenticated", &why)).await;
        })
    }

    /// Notes that somebody was not signed in; `identity` is who it would have been, as far as the issuer has said it.
    pub fn note_refused_sign_in<'a>(
        &'a self,
        identity: Option<&'a Identity>,
        problem: &'a str,
        why: &'a str,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let now = self.now();
            let subject = match identity {
                Some(identity) => self.account_of(identity).await,
                None => "unknown".to_owned(),
            };
            let name = format!("{subject} {problem}");
            if self.refusals.is_first(Kind::Stranger, &name, now)
                && self.refusals.has_room(Kind::Stranger, now)
            {
                let store = self.store.acting(Actor::system(STRANGER), Via::Console);
                note(&store, "sign_in.refused", &cut(&subject), told("sign in", problem, why)).await;
            }
        })
    }

    /// The account of an identity, or where it has none, the identity.
    async fn account_of(&self, identity: &Identity) -> String {
        let (issuer, subject) = (identity.issuer.as_str(), identity.subject.as_str());
        if let Ok(Some(id)) = self.store.linked(issuer, subject).await
            && matches!(self.store.user(id).await, Ok(Some(_)))
        {
            return id.to_string();
        }
        format!("{subject} at {issuer}")
    }

    /// The table, written by whoever calls, if they proved who they are; and why they are nobody all the same.
    fn who(
        &self,
        call: &Call,
        found: &countersign_storage::Found,
    ) -> Option<(Store, Option<Unauthenticated>)> {
        let (user, via, why) = self.proven(&call.headers, found)?;
        Some((self.store.acting(Actor::user(&user.person()), via), why))
    }
}

fn told(operation: &str, problem: &str, why: &str) -> Value {
    json!({ "operation": cut(operation), "problem": problem, "why": cut(why) })
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MOST_CHARACTERS).collect()
}

async fn note(store: &Store, kind: &str, subject: &str, data: Value) {
    if let Err(error) = store.record(kind, subject, data).await {
        tracing::warn!(%error, kind, subject, "a refusal is not in the audit trail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_room_for_so_many_of_each_kind_and_the_next_one_again() {
        let refusals = Refusals::default();
        let minute = Timestamp::from_unix_millis(60_000);
        for kind in [Kind::Change, Kind::Access, Kind::Stranger] {
            let written = (0..100).filter(|_| refusals.has_room(kind, minute)).count();
            assert_eq!(written, MOST_A_MINUTE, "{kind:?}");
        }
        assert!(refusals.has_room(Kind::Change, minute.plus_seconds(60)));
    }

    #[test]
    fn who_asks_for_the_same_again_is_on_record_once_a_minute() {
        let refusals = Refusals::default();
        let minute = Timestamp::from_unix_millis(60_000);
        assert!(refusals.is_first(Kind::Access, "ann GET /v1/analytics", minute));
        assert!(!refusals.is_first(Kind::Access, "ann GET /v1/analytics", minute));
        assert!(refusals.is_first(Kind::Access, "bob GET /v1/analytics", minute));
        assert!(refusals.is_first(Kind::Access, "ann GET /v1/analytics", minute.plus_seconds(60)));
    }

    #[test]
    fn what_is_kept_of_an_address_is_short_and_holds_no_line_ends() {
        let data = told(&format!("GET /v1/\n{}", "x".repeat(9999)), "forbidden", "no");
        assert_eq!(data["operation"].as_str().map(str::len), Some(MOST_CHARACTERS));
        assert!(!data.to_string().contains("\\n"));
    }
}
