//! What of a request a caller may see.

use countersign_rules::Request;

use crate::Caller;

/// Whether `caller` may see the request at all.
#[must_use]
pub fn may_see(request: &Request, caller: &Caller) -> bool {
    let person = caller.person();
    caller.sees_all()
        || person.human == request.requester.human
        || request.policy.groups.iter().any(|group| person.groups.contains(group))
        || request.votes.iter().any(|vote| vote.human == person.human)
}

/// Whether `caller` reviews the request. The requester does not see an exact number of rows: it would answer questions
/// about data that they may not read.
#[must_use]
pub fn may_see_exact_rows(request: &Request, caller: &Caller) -> bool {
    let person = caller.person();
    person.human != request.requester.human
        && request.policy.groups.iter().any(|group| person.groups.contains(group))
}

/// Whether `caller`, who may see the request, may see its output and error as well.
#[must_use]
pub fn may_see_output(request: &Request, caller: &Caller) -> bool {
    caller.sees_all() || caller.person().human == request.requester.human
}
