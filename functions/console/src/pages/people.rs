//! People and groups.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::{App, app, errors};
use countersign_http::Problem;
use countersign_rules::person::Role;
use countersign_rules::{GroupName, UserId};
use countersign_storage::{Key, User};
use countersign_web::Place;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::HeaderMap;
use maud::{Markup, html};

use super::fields::{Typed, complaint, described, invalid};
use super::viewer::Viewer;
use super::{proposal, words};
use crate::users;

/// What a role is called.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Auditor => "auditor",
    }
}

/// Shows groups to everybody, and accounts to admins and auditors.
pub(crate) async fn list(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", &headers, &[]).await?;
    let people = app.store.all_users().await.map_err(|error| errors::storage(&error))?;
    let groups = groups_of(&people);
    let content = html! {
        div.head {
            h1.grow { "People" }
            @if viewer.caller.is_admin() { a.button href="/people/new" { "New account" } }
        }
        section.card aria-labelledby="groups" {
            h2 #groups { "Groups" }
            @if groups.is_empty() { p.muted { "Nobody is in a group yet." } }
            dl.facts {
                @for (group, members) in &groups {
                    dt { strong { (group) } }
                    dd { (words::people(members.len())) ": " span.muted { @for (number, user) in members.iter().enumerate() { @if number > 0 { ", " } (user.email) } } }
                }
            }
        }
        @if viewer.caller.sees_all() { (accounts(&people)) }
        @else { p.hint { "Accounts are shown to admins and auditors. Yours is " a href="/account" { "here" } "." } }
    };
    Ok(viewer.page(&app, "People", Place::People, content))
}

fn groups_of(people: &[User]) -> BTreeMap<&GroupName, Vec<&User>> {
    let mut groups: BTreeMap<&GroupName, Vec<&User>> = BTreeMap::new();
    for user in people.iter().filter(|user| !user.disabled) {
        for group in &user.groups {
            groups.entry(group).or_default().push(user);
        }
    }
    groups
}

fn accounts(people: &[User]) -> Markup {
    let email_of = |id: UserId| people.iter().find(|user| user.id == id).map(|user| user.email.clone());
    html! {
        section.card aria-labelledby="accounts" {
            h2 #accounts { "Accounts" }
            div.wide tabindex="0" role="group" aria-label="Accounts" {
                table {
                    thead { tr { th scope="col" { "Name" } th scope="col" { "E-mail" } th scope="col" { "Groups" } th scope="col" { "Roles" } th.num scope="col" { "Tokens" } } }
                    tbody {
                        @for user in people {
                            tr {
                                td data-label="Name" { a href={ "/people/" (user.id) } { (user.name) }
                                    @if user.disabled { " " span.badge.rejected { "disabled" } }
                                    @if let Some(owner) = user.owner { br; span.small.muted { "service account of " (email_of(owner).unwrap_or_else(|| owner.to_string())) } }
                                }
                                td data-label="E-mail" { (user.email) }
                                td data-label="Groups" { @for (number, group) in user.groups.iter().enumerate() { @if number > 0 { ", " } (group) } }
                                td data-label="Roles" { @for role in &user.roles { span.badge { (role_name(*role)) } " " } }
                                td.num data-label="Tokens" { (user.tokens.len()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Shows an empty account to an admin.
pub(crate) async fn new(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", &headers, &[]).await?;
    viewer.caller.must_be_admin()?;
    let people = app.store.all_users().await.map_err(|error| errors::storage(&error))?;
    let id = UserId::from_parts(app.now(), app::random().map_err(|_| errors::no_randomness())?);
    Ok(empty(&app, &viewer, id, &people, &Typed::default()).await)
}

async fn empty(app: &App, viewer: &Viewer, id: UserId, people: &[User], typed: &Typed<'_>) -> Response {
    let content = html! {
        div.head { h1.grow { "New account" } }
        (proposal::hint(app, &viewer.caller).await)
        (form(viewer, id, None, people, typed))
    };
    typed.on(viewer.page(app, "New account", Place::People, content))
}

/// Shows an account to an admin or an auditor.
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", &headers, &[]).await?;
    let id: Option<UserId> = id.parse().ok().filter(|_| viewer.caller.sees_all());
    let id = id.ok_or_else(|| Problem::not_found("account"))?;
    let people = app.store.all_users().await.map_err(|error| errors::storage(&error))?;
    let user = people.iter().find(|user| user.id == id).ok_or_else(|| Problem::not_found("account"))?;
    Ok(one(&app, &viewer, user, &people, &Typed::default()).await)
}

async fn one(app: &App, viewer: &Viewer, user: &User, people: &[User], typed: &Typed<'_>) -> Response {
    let content = html! {
        div.head { h1.grow { (user.name) @if user.disabled { " " span.badge.rejected { "disabled" } } } }
        p.hint { (user.id) " · made " (words::at(user.created_at)) }
        @if viewer.caller.is_admin() { (proposal::hint(app, &viewer.caller).await) (form(viewer, user.id, Some(user), people, typed)) }
        @else { (accounts(std::slice::from_ref(user))) }
    };
    typed.on(viewer.page(app, &user.name, Place::People, content))
}

fn form(viewer: &Viewer, id: UserId, user: Option<&User>, people: &[User], typed: &Typed<'_>) -> Markup {
    let all: BTreeSet<&GroupName> = people.iter().flat_map(|user| &user.groups).collect();
    let is_in = |group: &GroupName| user.is_some_and(|user| user.groups.contains(group));
    let has = |role: Role| user.is_some_and(|user| user.roles.contains(&role));
    let wrong = &typed.wrong;
    html! {
        (wrong.notice("This cannot be saved:"))
        form.card method="post" action={ "/people/" (id) "/save" } {
            (viewer.csrf())
            @if let Some(user) = user { input type="hidden" name="version" value=(typed.text("version", user.version.to_string())); }
            div.fields {
                div.field { label for="email" { "E-mail" } input #email type="email" name="email" required maxlength="254" value=(typed.text("email", user.map(|user| user.email.as_str()).unwrap_or_default())) aria-describedby=[described("email", false, wrong)] aria-invalid=[invalid("email", wrong)]; (complaint("email", wrong)) }
                div.field { label for="name" { "Name" } input #name type="text" name="name" maxlength="200" value=(typed.text("name", user.map(|user| user.name.as_str()).unwrap_or_default())) aria-describedby=[described("name", false, wrong)] aria-invalid=[invalid("name", wrong)]; (complaint("name", wrong)) }
            }
            fieldset {
                legend { "Groups" }
                div.picks { @for group in all { label.tick { input type="checkbox" name="group" value=(group) checked[typed.has("group", group.as_str(), is_in(group))]; (group) } } }
                div.field { label for="more_groups" { "Other groups" } p.hint #more_groups-hint { "Names with commas between them." } input #more_groups type="text" name="more_groups" value=(typed.text("more_groups", "")) aria-describedby=[described("more_groups", true, wrong)] aria-invalid=[invalid("more_groups", wrong)]; (complaint("more_groups", wrong)) }
            }
            fieldset {
                legend { "Roles" }
                label.tick { input type="checkbox" name="role" value="admin" checked[typed.has("role", "admin", has(Role::Admin))]; span { "Admin" small { "manages connections, people and groups; may cancel and settle" } } }
                label.tick { input type="checkbox" name="role" value="auditor" checked[typed.has("role", "auditor", has(Role::Auditor))]; span { "Auditor" small { "sees everything, changes nothing" } } }
            }
            @match user {
                None => {
                    div.field {
                        label for="owner" { "Whose service account it is" }
                        select #owner name="owner" {
                            option value="" { "nobody's: it is a person" }
                            @for person in people.iter().filter(|user| user.owner.is_none()) { option value=(person.id) selected[typed.has("owner", &person.id.to_string(), false)] { (person.email) } }
                        }
                        p.hint { "A service account and its owner count as one person, for ever." }
                    }
                }
                Some(user) => {
                    @if let Some(owner) = user.owner { input type="hidden" name="owner" value=(owner); }
                    label.tick { input type="checkbox" name="disabled" checked[typed.ticked("disabled", user.disabled)]; span { "Disabled" small { "out at once, with all service accounts of theirs; their standing votes no longer count" } } }
                }
            }
            p.actions { button type="submit" { "Save" } a.button.plain href="/people" { "Back" } }
        }
    }
}

/// Saves an account.
pub(crate) async fn save(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, found) = Viewer::see(&app, "put user", &headers, &[Key::Access]).await?;
    let caller = &viewer.caller;
    caller.must_be_admin()?;
    let access_version = found.access_version().map_err(|error| errors::storage(&error))?;
    let id: UserId = id.parse().map_err(|_| Problem::not_found("account"))?;
    let form = Form::read(&headers, &bytes)?;
    let before = app.store.user(id).await.map_err(|error| errors::storage(&error))?;
    let body = |groups| users::Body {
        id: None,
        email: form.text("email").unwrap_or_default().to_owned(),
        name: form.text("name").map(str::to_owned),
        groups,
        roles: form
            .all("role")
            .filter_map(|role| match role {
                "admin" => Some(Role::Admin),
                "auditor" => Some(Role::Auditor),
                _ => None,
            })
            .collect(),
        disabled: form.is_ticked("disabled"),
        slack_user_id: before.as_ref().and_then(|before| before.user.slack_user_id.clone()),
        owner: form.text("owner").and_then(|owner| owner.parse().ok()),
        _created_at: None,
        _version: None,
    };
    let saved = async {
        let groups = group_names(&form, "group", "more_groups")?;
        let version = form.number("version")?;
        users::save(&app, caller, id, before.as_ref(), body(groups), version, access_version).await
    };
    match saved.await {
        Ok(saved) => Ok(go_to(&saved.page(|_| "/people".to_owned()))),
        Err(problem) => {
            let typed = Typed::refused(&form, problem)?;
            let people = app.store.all_users().await.map_err(|error| errors::storage(&error))?;
            Ok(match people.iter().find(|user| user.id == id) {
                Some(user) => one(&app, &viewer, user, &people, &typed).await,
                None => empty(&app, &viewer, id, &people, &typed).await,
            })
        }
    }
}

/// Groups that were ticked, and those that were written.
pub(super) fn group_names<C: Default + Extend<GroupName>>(
    form: &Form,
    ticked: &str,
    written: &str,
) -> Result<C, Problem> {
    let mut seen = BTreeSet::new();
    let mut names = C::default();
    let more = form.raw(written).split([',', ' ', '\n']).map(str::trim).filter(|name| !name.is_empty());
    for name in form.all(ticked).chain(more) {
        let name: GroupName = name.parse().map_err(|error: countersign_rules::ids::InvalidId| {
            Problem::invalid(error.to_string()).at(&format!("/{written}"), error.to_string())
        })?;
        if seen.insert(name.clone()) {
            names.extend([name]);
        }
    }
    Ok(names)
}
