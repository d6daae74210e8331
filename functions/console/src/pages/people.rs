//! People and groups.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::response::Response;
use countersign_app::{App, Scope, errors};
use countersign_http::Problem;
use countersign_rules::person::Role;
use countersign_rules::{GroupName, UserId};
use countersign_storage::User;
use countersign_web::Place;
use countersign_web::form::Form;
use http::HeaderMap;
use maud::{Markup, html};

use super::viewer::Viewer;
use super::words;

/// What a role is called.
pub(super) fn role_name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Auditor => "auditor",
    }
}

/// Shows groups to everybody, and accounts to admins and auditors.
pub(crate) async fn list(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", Scope::Read, &headers, &[]).await?;
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

pub(super) fn accounts(people: &[User]) -> Markup {
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
