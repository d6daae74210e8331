//! What a button carries: which request, and what its reader looked at. Nothing else, because
//! whoever sees the message can read it.

use std::fmt;
use std::str::FromStr;

use countersign_rules::{Digest, RequestId};

/// The `action_id` of the button that approves.
pub const APPROVE: &str = "approve";
/// The `action_id` of the button that asks for a reason to reject.
pub const REJECT: &str = "reject";
/// The `action_id` of the button that opens the page. Slack tells of it all the same.
pub const OPEN: &str = "open";

/// Which request, as its reader saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Which request.
    pub request: RequestId,
    /// The digest of what was shown.
    pub digest: Digest,
}

/// A value that none of our buttons has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a request's id and its digest")]
pub struct NotASubject;

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.request, self.digest)
    }
}

impl FromStr for Subject {
    type Err = NotASubject;
    fn from_str(text: &str) -> Result<Self, NotASubject> {
        let (request, digest) = text.split_once(' ').ok_or(NotASubject)?;
        let request = request.parse().map_err(|_| NotASubject)?;
        Ok(Self { request, digest: digest.parse().map_err(|_| NotASubject)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_exactly_an_id_and_a_digest() {
        let text = format!("req_01K5J3V8Q4W7X9YABCDEFGHJKM sha256:{}", "0a".repeat(32));
        assert_eq!(text.parse::<Subject>().unwrap().to_string(), text);
        for bad in ["", "req_01K5J3V8Q4W7X9YABCDEFGHJKM", &format!("{text} "), &text.to_uppercase()] {
            assert_eq!(bad.parse::<Subject>(), Err(NotASubject), "{bad}");
        }
    }
}
