//! Lists of requests: the filters of the contract, the index that serves them, and who sees what.

use std::collections::BTreeSet;

use countersign_http::Problem;
use countersign_http::json::List;
use countersign_rules::{ConnectionName, GroupName, Request, RequestId, Status, Timestamp, UserId};
use countersign_storage::lists::{Page, Source, Window};
use countersign_storage::{Found, Key, Scope, StorageError};
use futures::future::BoxFuture;

use crate::sources::{Reader, sources};
use crate::view::{RequestView, may_see};
use crate::{App, Caller, errors};

/// How many keys a page looks at before it hands back a cursor although it is not full.
const MOST_KEYS: usize = 1000;

/// How often a page asks an index again before it hands back a cursor.
const MOST_ROUNDS: usize = 25;

/// How many keys a round takes at least once the first has shown that not everything matches: however small
/// the page, it looks at [`MOST_KEYS`] before it hands back less than was asked for.
const KEYS_AGAIN: usize = 50;

/// What a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these statuses; all if empty.
    pub statuses: BTreeSet<Status>,
    /// Only on that connection.
    pub connection: Option<ConnectionName>,
    /// Only of that requester.
    pub requester: Option<UserId>,
    /// Only what that group reviews.
    pub group: Option<GroupFilter>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
    /// Only where command, reason or code contain that text, in any case.
    pub text: Option<String>,
}

/// A group to filter by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupFilter {
    /// What waits for a group of the caller's.
    Mine,
    /// What that group reviews.
    Named(GroupName),
}

impl App {
    /// A page of at most `limit` requests behind `cursor` that match `filter` and that the caller
    /// may see, long commands cut.
    ///
    /// # Errors
    /// The contract's problems.
    pub fn list_requests<'a>(
        &'a self,
        headers: &'a http::HeaderMap,
        filter: &'a Filter,
        cursor: Option<RequestId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<List<RequestView>, Problem>> {
        Box::pin(async move {
            let List { items, next_cursor } = self.whole_requests(headers, filter, cursor, limit).await?;
            Ok(List { items: items.into_iter().map(RequestView::shortened).collect(), next_cursor })
        })
    }

    /// The same with whole commands. Authentication comes in the same round trip as the requests wherever the index
    /// does not depend on who calls.
    ///
    /// # Errors
    /// The contract's problems.
    pub fn whole_requests<'a>(
        &'a self,
        headers: &'a http::HeaderMap,
        filter: &'a Filter,
        cursor: Option<RequestId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<List<RequestView>, Problem>> {
        Box::pin(async move {
            let subject = self.subject(headers)?;
            let known = self.known().await.map_err(|error| errors::storage(&error))?;
            // Nobody has proved anything yet: this only says where to look. What is shown is decided by
            // the caller as read with the first requests.
            let account = known.accounts.get(&subject);
            let mut reader = Reader {
                user: subject,
                groups: account.map(|account| account.groups.clone()).unwrap_or_default(),
                sees_all: account.is_some_and(|account| account.sees_all),
            };
            let mut sources = sources(filter, &reader, &known);
            let mut caller: Option<Caller> = None;
            let mut window = Window::everything(self.now());
            let beginning = self.store.beginning().await.map_err(|error| errors::storage(&error))?;
            window.from = filter.from.unwrap_or(beginning).max(beginning);
            // A look goes back day by day from its end; nothing is beyond the end of everything.
            window.to = filter.to.map_or(window.to, |to| to.min(window.to));
            window.before = cursor;
            let mut items = Vec::new();
            let mut looked_at = 0;
            let mut rounds = 0;
            loop {
                rounds += 1;
                let missing = limit.saturating_sub(items.len());
                let wanted = missing.max(if rounds == 1 { 1 } else { KEYS_AGAIN });
                let page =
                    self.merged(&sources, window, wanted).await.map_err(|error| errors::storage(&error))?;
                looked_at += page.ids.len().max(1);
                let mut keys: Vec<Key> =
                    page.ids.iter().flat_map(|id| [Key::State(*id), Key::Created(*id)]).collect();
                if caller.is_none() {
                    keys.extend(self.proof(headers, subject));
                }
                let found = self.store.read("list", &keys).await.map_err(|error| errors::storage(&error))?;
                let now_known = match &caller {
                    Some(caller) => caller,
                    None => {
                        let proven = self.verify(Scope::Read, headers, subject, &found)?;
                        let is = Reader {
                            user: subject,
                            groups: proven.user.all_groups(),
                            sees_all: proven.sees_all(),
                        };
                        let looked_elsewhere = is != reader && self::sources(filter, &is, &known) != sources;
                        reader = is;
                        let proven = &*caller.insert(proven);
                        if looked_elsewhere {
                            sources = self::sources(filter, &reader, &known);
                            continue;
                        }
                        proven
                    }
                };
                let mut more_before = page.more_before;
                let mut last = None;
                for id in &page.ids {
                    let Some(view) = self.matching(*id, &found, filter, now_known)? else { continue };
                    if items.len() >= limit {
                        // More was read than fits: the next page begins behind this one's last.
                        more_before = last;
                        break;
                    }
                    items.push(view);
                    last = Some(*id);
                }
                let next_cursor = more_before.map(|id| id.to_string());
                if next_cursor.is_none()
                    || items.len() >= limit
                    || looked_at >= MOST_KEYS
                    || rounds >= MOST_ROUNDS
                {
                    return Ok(List { items, next_cursor });
                }
                window.before = more_before;
            }
        })
    }

    fn matching(
        &self,
        id: RequestId,
        found: &Found,
        filter: &Filter,
        caller: &Caller,
    ) -> Result<Option<RequestView>, Problem> {
        let now = self.now();
        let request = found.request(id).map_err(|error| errors::storage(&error))?;
        let created = found.created(id).map_err(|error| errors::storage(&error))?;
        let (Some(request), Some(created)) = (request, created) else {
            return Ok(None);
        };
        if !may_see(&request, caller) || !filter.matches(&request, caller, now) {
            return Ok(None);
        }
        let text = filter.text.as_deref().map(str::to_lowercase);
        let contains = |text: &str| {
            created.command.to_lowercase().contains(text)
                || created.reason.as_deref().is_some_and(|reason| reason.to_lowercase().contains(text))
                || request.digest.code().to_lowercase().contains(text)
        };
        if text.as_deref().is_some_and(|text| !contains(text)) {
            return Ok(None);
        }
        let view =
            RequestView::new(&request, &created, found.error_text(id), caller, now, &self.config.public_url);
        Ok(Some(view))
    }

    /// The newest of several sources together.
    async fn merged(&self, sources: &[Source], window: Window, limit: usize) -> Result<Page, StorageError> {
        if let [source] = sources {
            return self.store.list(source, window, limit).await;
        }
        let mut pages = Vec::with_capacity(sources.len());
        for source in sources {
            pages.push(self.store.list(source, window, limit).await?);
        }
        Ok(merge(pages, limit))
    }
}

/// Newest first without doubles; only as far back as every source was looked at.
fn merge(pages: Vec<Page>, limit: usize) -> Page {
    // What lies behind a source's own cursor is unknown, so nothing older than it may be shown yet.
    let horizon = pages.iter().filter_map(|page| page.more_before).max();
    let ids: BTreeSet<RequestId> = pages.into_iter().flat_map(|page| page.ids).collect();
    let mut ids: Vec<RequestId> =
        ids.into_iter().rev().filter(|id| horizon.is_none_or(|horizon| *id >= horizon)).collect();
    if ids.len() > limit {
        ids.truncate(limit);
        let more_before = ids.last().copied();
        return Page { ids, more_before };
    }
    Page { ids, more_before: horizon }
}

impl Filter {
    fn matches(&self, request: &Request, caller: &Caller, now: Timestamp) -> bool {
        let group = match &self.group {
            None => true,
            Some(GroupFilter::Mine) => {
                let person = caller.person();
                let voted = request.approvals().any(|vote| vote.human == person.human);
                request.status_at(now) == Status::Pending && request.requester.human != person.human && !voted
            }
            Some(GroupFilter::Named(group)) => request.policy.groups.contains(group),
        };
        group
            && (self.statuses.is_empty() || self.statuses.contains(&request.status_at(now)))
            && self.connection.as_ref().is_none_or(|connection| request.connection == *connection)
            && self.requester.is_none_or(|requester| request.requester.user == requester)
    }
}
