//! Which index serves a list with the fewest keys.
//!
//! Whoever sees all requests walks what the filter names. Everybody else sees what is theirs and what
//! they review, so their list is joined from the indexes of exactly that: the cost depends on the
//! page, however many requests of other people there are.

use std::collections::BTreeSet;

use countersign_rules::{GroupName, Status, UserId};
use countersign_storage::lists::Source;

use crate::directory::Known;
use crate::page::{Filter, GroupFilter};

/// More indexes than that are not joined: walking all requests is cheaper then.
const MOST_SOURCES: usize = 24;

/// The caller, as far as the indexes depend on who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reader {
    /// The account.
    pub(crate) user: UserId,
    /// Its groups.
    pub(crate) groups: BTreeSet<GroupName>,
    /// Whether everything is visible to it.
    pub(crate) sees_all: bool,
}

/// The indexes that together hold everything that the filter lets through and the reader may see.
pub(crate) fn sources(filter: &Filter, reader: &Reader, known: &Known) -> Vec<Source> {
    if filter.group == Some(GroupFilter::Mine) {
        return reader.groups.iter().cloned().map(Source::Inbox).collect();
    }
    if let Some(requester) = filter.requester {
        return vec![Source::Requester(requester)];
    }
    if !reader.sees_all
        && let Some(own) = own(filter, reader, known)
    {
        return own;
    }
    if !filter.statuses.is_empty() {
        return by_status(&filter.statuses);
    }
    if let Some(connection) = &filter.connection {
        return vec![Source::Connection(connection.clone())];
    }
    vec![Source::All]
}

/// What the reader's human asked for, what the reader reviews, and what waits for the reader's groups
/// by an older policy.
fn own(filter: &Filter, reader: &Reader, known: &Known) -> Option<Vec<Source>> {
    let human = known.accounts.get(&reader.user).map_or(reader.user, |account| account.human);
    let accounts = known.accounts.iter().filter(|(_, account)| account.human == human);
    let mut users: BTreeSet<UserId> = accounts.map(|(user, _)| *user).collect();
    users.extend([reader.user, human]);
    let reviewed = known
        .reviewers
        .iter()
        .filter(|(_, groups)| groups.iter().any(|group| reader.groups.contains(group)))
        .filter(|(name, _)| filter.connection.as_ref().is_none_or(|wanted| wanted == *name));
    let sources = users.into_iter().map(Source::Requester);
    let sources = sources.chain(reader.groups.iter().cloned().map(Source::Inbox));
    let sources: Vec<Source> =
        sources.chain(reviewed.map(|(name, _)| Source::Connection(name.clone()))).collect();
    (sources.len() <= MOST_SOURCES).then_some(sources)
}

fn by_status(statuses: &BTreeSet<Status>) -> Vec<Source> {
    let mut sources: Vec<Source> =
        statuses.iter().filter(|status| status.is_terminal()).map(|status| Source::Ended(*status)).collect();
    // An expired request may not be written down as such yet.
    if statuses.iter().any(|status| !status.is_terminal() || *status == Status::Expired) {
        sources.push(Source::Open);
    }
    sources
}

#[cfg(test)]
mod tests {
    use countersign_rules::{ConnectionName, Timestamp};

    use super::*;
    use crate::directory::Account;

    fn user(number: u128) -> UserId {
        UserId::from_parts(Timestamp::from_unix_millis(0), number)
    }

    fn groups(names: &[&str]) -> BTreeSet<GroupName> {
        names.iter().filter_map(|name| name.parse().ok()).collect()
    }

    /// Somebody in `dba`, their agent, somebody else; `prod` is reviewed by `dba`, `docs` by others.
    fn known() -> Known {
        let account = |human, names: &[&str]| Account {
            human: user(human),
            email: String::new(),
            groups: groups(names),
            sees_all: false,
        };
        let accounts = [(1, account(1, &["dba"])), (2, account(1, &[])), (3, account(3, &["eng"]))];
        let reviewers = [("prod", "dba"), ("docs", "writers")];
        let name = |text: &str| text.parse::<ConnectionName>().unwrap();
        Known {
            accounts: accounts.into_iter().map(|(number, account)| (user(number), account)).collect(),
            reviewers: reviewers
                .into_iter()
                .map(|(connection, group)| (name(connection), vec![group.parse().unwrap()]))
                .collect(),
            ..Known::default()
        }
    }

    fn reader(number: u128, names: &[&str]) -> Reader {
        Reader { user: user(number), groups: groups(names), sees_all: false }
    }

    #[test]
    fn a_requester_walks_their_own_requests_and_nobody_elses() {
        let found = sources(&Filter::default(), &reader(3, &["eng"]), &known());
        assert_eq!(found, [Source::Requester(user(3)), Source::Inbox("eng".parse().unwrap())]);
    }

    #[test]
    fn a_reviewer_walks_what_they_review_and_what_their_agents_ask_for_too() {
        let found = sources(&Filter::default(), &reader(1, &["dba"]), &known());
        assert_eq!(
            found,
            [
                Source::Requester(user(1)),
                Source::Requester(user(2)),
                Source::Inbox("dba".parse().unwrap()),
                Source::Connection("prod".parse().unwrap()),
            ]
        );
    }

    #[test]
    fn who_sees_all_walks_what_the_filter_names() {
        let auditor = Reader { sees_all: true, ..reader(3, &[]) };
        assert_eq!(sources(&Filter::default(), &auditor, &known()), [Source::All]);
        let ended = Filter { statuses: BTreeSet::from([Status::Failed]), ..Filter::default() };
        assert_eq!(sources(&ended, &auditor, &known()), [Source::Ended(Status::Failed)]);
    }

    #[test]
    fn who_reviews_very_much_walks_everything() {
        let mut known = known();
        for number in 0..30 {
            let name = format!("db-{number}").parse().unwrap();
            known.reviewers.insert(name, vec!["dba".parse().unwrap()]);
        }
        assert_eq!(sources(&Filter::default(), &reader(1, &["dba"]), &known), [Source::All]);
    }
}
