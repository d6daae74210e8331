//! What a token is for, where it is not for everything.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A part of what somebody may do, which a token of theirs can be limited to.
///
/// A scope gives nothing: what the token's account may not do, no scope lets it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look at things: every GET.
    Read,
    /// Submit, cancel and run requests.
    Submit,
    /// Approve and reject requests.
    Decide,
    /// Change everything else: connections, accounts, tokens, sessions, webhooks, settings; settle requests.
    Manage,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Submit, Self::Decide, Self::Manage];

    /// Its name, as the API has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Submit => "submit",
            Self::Decide => "decide",
            Self::Manage => "manage",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The scopes of a token; none is everything that its account may.
pub type Scopes = Option<BTreeSet<Scope>>;

/// Whether what has these scopes may do what needs that one.
#[must_use]
pub fn allows(scopes: &Scopes, needed: Scope) -> bool {
    scopes.as_ref().is_none_or(|scopes| scopes.contains(&needed))
}

/// Whether `inner` may do nothing that `outer` may not.
#[must_use]
pub fn is_within(inner: &Scopes, outer: &Scopes) -> bool {
    match (inner, outer) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(inner), Some(outer)) => inner.is_subset(outer),
    }
}

/// Scopes for people to read: `read, submit`.
#[must_use]
pub fn listed(scopes: &BTreeSet<Scope>) -> String {
    scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(of: &[Scope]) -> Scopes {
        Some(of.iter().copied().collect())
    }

    #[test]
    fn a_name_is_what_the_api_reads_and_writes() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.name());
        }
    }

    #[test]
    fn a_scope_allows_itself_and_no_scopes_allow_everything() {
        for needed in Scope::ALL {
            assert!(allows(&None, needed));
            for has in Scope::ALL {
                assert_eq!(allows(&scopes(&[has]), needed), has == needed);
            }
            assert!(!allows(&scopes(&[]), needed));
        }
    }

    /// What is within something allows nothing that it does not.
    #[test]
    fn within_is_to_allow_no_more() {
        let all: Vec<Scopes> = (0..16_u8)
            .map(|bits| {
                let has = |number: usize| bits & (1 << number) != 0;
                let numbered = Scope::ALL.into_iter().enumerate().filter(|(number, _)| has(*number));
                Some(numbered.map(|(_, scope)| scope).collect())
            })
            .chain([None])
            .collect();
        for (inner, outer) in all.iter().flat_map(|inner| all.iter().map(move |outer| (inner, outer))) {
            let no_more = Scope::ALL.into_iter().all(|scope| !allows(inner, scope) || allows(outer, scope));
            // What is not limited will be able to do what scopes do not name yet.
            let expected = no_more && (inner.is_some() || outer.is_none());
            assert_eq!(is_within(inner, outer), expected, "{inner:?} in {outer:?}");
        }
    }
}
