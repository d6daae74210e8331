//! An account: its form, and what belongs to it.

mod draft;
mod effects;
mod holdings;

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::{App, Scope, app, errors};
use countersign_http::Problem;
use countersign_rules::person::Role;
use countersign_rules::{GroupName, UserId};
use countersign_storage::people::StoredUser;
use countersign_storage::{Key, User};
use countersign_web::Place;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};

pub(super) use holdings::{create_token, end_session, end_sessions, revoke_token, unlink_slack};

use self::draft::Draft;
use super::fields::{Wrong, complaint, described, invalid};
use super::viewer::Viewer;
use super::{people, proposal, words};
use crate::users;

/// Shows an empty account to an admin.
pub(crate) async fn new(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", Scope::Read, &headers, &[]).await?;
    viewer.caller.must_be_admin()?;
    let id = UserId::from_parts(app.now(), app::random().map_err(|_| errors::no_randomness())?);
    show_new(&app, &viewer, id, &Draft::default(), None).await
}

async fn show_new(
    app: &App,
    viewer: &Viewer,
    id: UserId,
    draft: &Draft,
    wrong: Option<&Wrong>,
) -> Result<Response, Problem> {
    let people = app.store.all_users().await.map_err(|error| errors::storage(&error))?;
    let content = html! {
        div.head { h1.grow { "New account" } }
        (proposal::hint(app, &viewer.caller).await)
        (form(viewer, id, draft, None, &people, "", wrong))
    };
    Ok(viewer.page(app, "New account", Place::People, content))
}

/// Shows an account to an admin or an auditor.
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", Scope::Read, &headers, &[]).await?;
    let id: Option<UserId> = id.parse().ok().filter(|_| viewer.caller.sees_all());
    let id = id.ok_or_else(|| Problem::not_found("account"))?;
    show_known(&app, &viewer, id, Typed::default(), html! {}).await
}

/// What was typed in the form of an account, what is wrong with it, and what of its meaning was seen.
#[derive(Default)]
struct Typed<'a> {
    draft: Option<&'a Draft>,
    wrong: Option<Wrong>,
    seen: &'a str,
}

/// An account with what was typed in its form, if something was.
async fn show_known(
    app: &App,
    viewer: &Viewer,
    id: UserId,
    typed: Typed<'_>,
    said: Markup,
) -> Result<Response, Problem> {
    let people = app.store.all_users().await.map_err(|error| errors::storage(&error))?;
    let user = people.iter().find(|user| user.id == id).ok_or_else(|| Problem::not_found("account"))?;
    let stored = Draft::of(user);
    let content = html! {
        div.head { h1.grow { (user.name) @if user.disabled { " " span.badge.rejected { "disabled" } } } }
        p.hint { (user.id) " · made " (words::at(user.created_at)) }
        @if viewer.caller.is_admin() {
            (proposal::hint(app, &viewer.caller).await)
            (said)
            (form(viewer, id, typed.draft.unwrap_or(&stored), Some(user), &people, typed.seen, typed.wrong.as_ref()))
        } @else { (said) (people::accounts(std::slice::from_ref(user))) }
        (holdings::sections(app, viewer, user).await?)
    };
    Ok(viewer.page(app, &user.name, Place::People, content))
}

fn form(
    viewer: &Viewer,
    id: UserId,
    draft: &Draft,
    user: Option<&User>,
    people: &[User],
    seen: &str,
    wrong: Option<&Wrong>,
) -> Markup {
    let nothing = Wrong::default();
    let notice = wrong.map(|wrong| wrong.notice("This cannot be saved:"));
    let wrong = wrong.unwrap_or(&nothing);
    let known = people.iter().flat_map(|user| &user.groups);
    let all: BTreeSet<&GroupName> = known.chain(&draft.groups).collect();
    html! {
        @if let Some(notice) = notice { (notice) }
        form.card #person method="post" action={ "/people/" (id) "/save" } {
            (viewer.csrf())
            @if let Some(user) = user { input type="hidden" name="version" value=(user.version); }
            @if !seen.is_empty() { input type="hidden" name="seen" value=(seen); }
            div.fields {
                div.field { label for="email" { "E-mail" } input #email type="email" name="email" required maxlength="254" value=(draft.email) aria-describedby=[described("email", false, wrong)] aria-invalid=[invalid("email", wrong)]; (complaint("email", wrong)) }
                div.field { label for="name" { "Name" } input #name type="text" name="name" maxlength="200" value=(draft.name) aria-describedby=[described("name", false, wrong)] aria-invalid=[invalid("name", wrong)]; (complaint("name", wrong)) }
            }
            fieldset {
                legend { "Groups" }
                div.picks { @for group in all { label.tick { input type="checkbox" name="group" value=(group) checked[draft.groups.contains(group)]; (group) } } }
                div.field { label for="more_groups" { "Other groups" } p.hint #more_groups-hint { "Names with commas between them." } input #more_groups type="text" name="more_groups" value=(draft.more) aria-describedby=[described("more_groups", true, wrong)] aria-invalid=[invalid("more_groups", wrong)]; (complaint("more_groups", wrong)) }
            }
            fieldset {
                legend { "Roles" }
                label.tick { input type="checkbox" name="role" value="admin" checked[draft.roles.contains(&Role::Admin)]; span { "Admin" small { "manages connections, people and groups; may cancel and settle" } } }
                label.tick { input type="checkbox" name="role" value="auditor" checked[draft.roles.contains(&Role::Auditor)]; span { "Auditor" small { "sees everything, changes nothing" } } }
            }
            @match user {
                None => {
                    div.field {
                        label for="owner" { "Whose service account it is" }
                        select #owner name="owner" {
                            option value="" { "nobody's: it is a person" }
                            @for person in people.iter().filter(|user| user.owner.is_none()) { option value=(person.id) selected[draft.owner == Some(person.id)] { (person.email) } }
                        }
                        p.hint { "A service account and its owner count as one person, for ever." }
                    }
                }
                Some(user) => {
                    @if let Some(owner) = user.owner { input type="hidden" name="owner" value=(owner); }
                    label.tick { input type="checkbox" name="disabled" checked[draft.disabled]; span { "Disabled" small { "out at once, with all service accounts of theirs; their standing votes no longer count" } } }
                }
            }
            p.actions { button type="submit" { "Save" } a.button.plain href="/people" { "Back" } }
        }
    }
}

/// Saves an account: at once, or, where it takes away whom a rule needs, once whoever presses Save was shown that.
pub(crate) async fn save(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, found) = Viewer::see(&app, "put user", Scope::Manage, &headers, &[Key::Access]).await?;
    viewer.caller.must_be_admin()?;
    // Read before the people, so that what was decided by them still holds when it is written.
    let access_version = found.access_version().map_err(|error| errors::storage(&error))?;
    let id: UserId = id.parse().map_err(|_| Problem::not_found("account"))?;
    let form = Form::read(&headers, &bytes)?;
    let before = app.store.user(id).await.map_err(|error| errors::storage(&error))?;
    let version: Option<u64> = form.number("version")?;
    let (draft, wrong) = Draft::read(&form);
    let wrong = match wrong {
        Some(problem) => problem,
        None => {
            let body = draft.body(before.as_ref().map(|before| &before.user));
            if let Some(before) = before.as_ref().filter(|before| version == Some(before.user.version)) {
                let unseen = unseen(&app, &viewer, before, &draft, &body, form.raw("seen")).await;
                if let Some(response) = unseen.transpose() {
                    return response;
                }
            }
            match users::save(&app, &viewer.caller, id, before.as_ref(), body, version, access_version).await
            {
                Ok(saved) => return Ok(go_to(&saved.page(|_| "/people".to_owned()))),
                Err(problem) => problem,
            }
        }
    };
    if !can_be_mended(&wrong) {
        return Err(wrong);
    }
    let status = wrong.status();
    let wrong = Wrong::of(&wrong);
    let response = match &before {
        Some(_) => {
            let typed = Typed { draft: Some(&draft), wrong: Some(wrong), seen: "" };
            show_known(&app, &viewer, id, typed, html! {}).await
        }
        None => show_new(&app, &viewer, id, &draft, Some(&wrong)).await,
    };
    let mut response = response?;
    *response.status_mut() = status;
    Ok(response)
}

/// Whether whoever typed it can type something else, so that what they typed must stay.
pub(super) fn can_be_mended(problem: &Problem) -> bool {
    matches!(
        problem.status(),
        StatusCode::BAD_REQUEST
            | StatusCode::CONFLICT
            | StatusCode::PRECONDITION_FAILED
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}

/// The page that shows what saving it would take away, if it does and that was not seen yet.
async fn unseen(
    app: &App,
    viewer: &Viewer,
    before: &StoredUser,
    draft: &Draft,
    body: &users::Body,
    seen: &str,
) -> Result<Option<Response>, Problem> {
    let id = before.user.id;
    // What is wrong with it, saving says.
    let Ok(checked) = app.check_user(id, Some(before), body.clone().written()).await else { return Ok(None) };
    let losses = app.losses(&checked).await.map_err(|error| errors::storage(&error))?;
    let fingerprint = draft.fingerprint(&effects::meaning(&losses));
    if losses.is_none() || seen == fingerprint {
        return Ok(None);
    }
    let said = html! {
        p.notice.wait role="alert" { strong { "Nothing is saved yet." } " This takes away whom a rule needs." }
        (effects::effects(&before.user, draft, &losses))
    };
    let typed = Typed { draft: Some(draft), wrong: None, seen: &fingerprint };
    let response = show_known(app, viewer, id, typed, said).await?;
    Ok(Some(response))
}
