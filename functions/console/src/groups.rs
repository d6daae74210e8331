//! Who is in which group.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use countersign_app::{App, Scope, errors};
use countersign_http::json::List;
use countersign_http::openapi::{Malformed, Paging, Signed};
use countersign_http::{Problem, json};
use countersign_rules::{GroupName, UserId};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use countersign_app::query::Query;

/// What a list answers.
type Page = List<Group<'static>>;

/// A group with its people.
#[derive(Serialize, ToSchema)]
pub(crate) struct Group<'a> {
    /// Its name.
    group: &'a GroupName,
    /// Its members, save those who are disabled.
    members: Vec<Member<'a>>,
}

/// Somebody in a group.
#[derive(Serialize, ToSchema)]
struct Member<'a> {
    /// The account.
    id: UserId,
    /// For display.
    email: &'a str,
    /// For display.
    name: &'a str,
}

/// Lists the groups that have members, so that everybody knows whom to ask.
#[utoipa::path(
    get,
    path = "/v1/groups",
    operation_id = "list_groups",
    tag = "people",
    params(Paging),
    responses((status = 200, body = Page, description = "A page."), Malformed, Signed)
)]
pub(crate) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let _ = app.identify("groups", Scope::Read, &headers, &[]).await?;
    let query = Query::read(raw.as_deref(), &["limit", "cursor"], &[])?;
    let people = app.store.all_users().await.map_err(|error| errors::storage(&error))?;
    let mut groups: BTreeMap<&GroupName, Vec<Member<'_>>> = BTreeMap::new();
    for user in people.iter().filter(|user| !user.disabled) {
        for group in &user.groups {
            let member = Member { id: user.id, email: &user.email, name: &user.name };
            groups.entry(group).or_default().push(member);
        }
    }
    let groups = groups.into_iter().map(|(group, members)| Group { group, members }).collect();
    let page = query.page(groups, query.limit()?, |group: &Group<'_>| group.group.clone())?;
    Ok(json::answer(StatusCode::OK, &page))
}
