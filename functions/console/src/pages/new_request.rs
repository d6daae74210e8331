//! A new request: written, looked at, then sent.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use countersign_app::dry_run::{Check, NewCheck, submittable};
use countersign_app::submit::{NewRequest, connection_name};
use countersign_app::{App, Caller, Scope, app, errors};
use countersign_http::Problem;
use countersign_rules::display::display;
use countersign_rules::request::RunMode;
use countersign_rules::{ConnectionName, StatementMode};
use countersign_storage::{Connection, Key};
use countersign_web::Place;
use countersign_web::form::Form;
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};

use super::command;
use super::dry_run::{self, Reader};
use super::fields::{Wrong, complaint, described, invalid};
use super::viewer::Viewer;
use countersign_app::query::Query;

/// How many connections are offered.
const MOST: usize = 500;

/// What stands in the form.
#[derive(Default)]
struct Draft {
    connection: String,
    command: String,
    reason: String,
    on_approval: bool,
    by_statement: bool,
    timeout_minutes: String,
    key: String,
}

/// Shows the empty form, or one with a connection chosen.
pub(crate) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", Scope::Read, &headers, &[]).await?;
    let query = Query::read(raw.as_deref(), &["connection", "copy"], &[])?;
    let mut draft =
        Draft { connection: query.text("connection").unwrap_or_default().to_owned(), ..Draft::default() };
    if let Ok(Some(id)) = query.parsed("copy") {
        let found = app.store.read("copy", &[Key::State(id), Key::Created(id)]).await;
        let found = found.map_err(|error| errors::storage(&error))?;
        let request = countersign_app::submit::visible_request(&found, id, &viewer.caller)?;
        let created = found.created(id).map_err(|error| errors::storage(&error))?;
        draft.connection = request.connection.to_string();
        draft.by_statement = request.run_mode == StatementMode::StatementByStatement;
        draft.command = created.as_ref().map(|created| created.command.clone()).unwrap_or_default();
        draft.reason = created.and_then(|created| created.reason).unwrap_or_default();
    }
    show(&app, &viewer, &draft, html! {}, &Wrong::default()).await
}

/// Says what would become of a request. Writes nothing.
pub(crate) async fn check(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let form = Form::read(&headers, &bytes)?;
    let name = connection_name(form.raw("connection"));
    let also: Vec<Key> = name.iter().cloned().map(Key::Connection).collect();
    let (viewer, found) = Viewer::see(&app, "check", Scope::Submit, &headers, &also).await?;
    let connection = match name {
        Ok(name) => found.connection(&name).map_err(|error| errors::storage(&error))?,
        Err(_) => None,
    };
    let draft = Draft {
        connection: form.raw("connection").to_owned(),
        command: form.lines("command"),
        reason: form.raw("reason").to_owned(),
        on_approval: form.raw("run") == "on_approval",
        by_statement: form.raw("run_mode") == "statement_by_statement",
        timeout_minutes: form.raw("timeout_minutes").to_owned(),
        key: form.raw("key").to_owned(),
    };
    let minutes = form.number::<u32>("timeout_minutes");
    let connection = submittable(connection, &viewer.caller.person());
    let checked = match (minutes, connection) {
        (Ok(_), _) if draft.connection.is_empty() => Err(no_connection("choose a connection")),
        (Ok(_), Err(_)) => {
            Err(no_connection("there is no such connection, or you may not use it; choose another one"))
        }
        (Ok(minutes), Ok(connection)) => {
            let body = NewRequest {
                connection: draft.connection.clone(),
                command: draft.command.clone(),
                reason: form.text("reason").map(str::to_owned),
                run: Some(if draft.on_approval { RunMode::OnApproval } else { RunMode::Manual }),
                run_mode: draft.by_statement.then_some(StatementMode::StatementByStatement),
                timeout_seconds: minutes.map(|minutes| minutes.saturating_mul(60)),
            };
            tried(&app, &viewer.caller, connection, body).await
        }
        (Err(problem), _) => Err(problem),
    };
    let (result, wrong) = match checked {
        Ok((check, name)) => (forecast(&check, &name), Wrong::default()),
        // Nothing that the form could change.
        Err(problem) if problem.status() == StatusCode::TOO_MANY_REQUESTS => return Err(problem),
        Err(problem) if problem.status().is_server_error() => return Err(problem),
        Err(problem) => {
            let wrong = Wrong::of(&problem);
            (wrong.notice("This cannot be sent:"), wrong)
        }
    };
    show(&app, &viewer, &draft, result, &wrong).await
}

/// What would become of a request, unless it could not be sent.
async fn tried(
    app: &App,
    caller: &Caller,
    connection: Connection,
    body: NewRequest,
) -> Result<(Check, ConnectionName), Problem> {
    let name = connection.name.clone();
    app.check_submission(&connection, &body)?;
    let NewRequest { command, reason, run_mode, .. } = body;
    let wanted = NewCheck { command, reason, run_mode, max_rows: None };
    Ok((app.dry_run(caller, connection, &wanted).await?, name))
}

fn no_connection(detail: &str) -> Problem {
    Problem::invalid(detail).at("/connection", detail)
}

async fn show(
    app: &App,
    viewer: &Viewer,
    draft: &Draft,
    result: Markup,
    wrong: &Wrong,
) -> Result<Response, Problem> {
    let connections = app.store.connections(None, MOST).await.map_err(|error| errors::storage(&error))?;
    let groups = &viewer.caller.user.groups;
    let usable =
        |connection: &&Connection| connection.policy().allows(groups) && !connection.is_configuration();
    let usable: Vec<&Connection> = connections.iter().filter(usable).collect();
    let key = match draft.key.is_empty() {
        true => format!("{:032x}", app::random().map_err(|_| errors::no_randomness())?),
        false => draft.key.clone(),
    };
    let chosen = usable.iter().find(|connection| connection.name.as_str() == draft.connection);
    let checked = !draft.command.is_empty();
    let content = html! {
        div.head { h1.grow { "New request" } }
        (result)
        @if usable.is_empty() {
            div.card.empty {
                strong { "There is no connection that you may use" }
                p { "An admin makes one under Connections, or lets your groups use one that there is." }
            }
        } @else {
            form.card method="post" action="/requests" {
                (viewer.csrf())
                input type="hidden" name="key" value=(key);
                div.field {
                    label for="connection" { "Connection" }
                    select #connection name="connection" required aria-describedby=[described("connection", false, wrong)] aria-invalid=[invalid("connection", wrong)] {
                        @if chosen.is_none() { option value="" { "Choose one" } }
                        @for connection in &usable {
                            option value=(connection.name) selected[chosen.is_some_and(|one| one.name == connection.name)] {
                                (connection.name) " (" (connection.kind) ") — " (who(connection))
                            }
                        }
                    }
                    (complaint("connection", wrong))
                }
                div.field {
                    label for="command" { "Command" }
                    p.hint #command-hint { "Exactly this runs, and nothing else. It cannot be changed once it is sent." }
                    textarea #command name="command" rows="8" required spellcheck="false" autocapitalize="off" autocomplete="off" aria-describedby=[described("command", true, wrong)] aria-invalid=[invalid("command", wrong)] {
                        "\n" (draft.command)
                    }
                    (complaint("command", wrong))
                    @if checked && display(&draft.command) != draft.command {
                        p.notice.wait { "There are characters in it that cannot be seen. This is what reviewers will see:" }
                        (command::block(&draft.command, false))
                    }
                }
                div.field {
                    label for="reason" { "Reason" }
                    p.hint #reason-hint { "Why it has to run now; a ticket helps. Reviewers read it first." }
                    input #reason type="text" name="reason" value=(draft.reason) maxlength="2000" aria-describedby=[described("reason", true, wrong)] aria-invalid=[invalid("reason", wrong)];
                    (complaint("reason", wrong))
                }
                div.fields.roomy {
                    div.field {
                        label for="run" { "Run it" }
                        select #run name="run" {
                            option value="manual" { "when I press Run, once approved" }
                            option value="on_approval" selected[draft.on_approval] { "at once when it is approved" }
                        }
                    }
                    div.field {
                        label for="timeout_minutes" { "Time for votes, in minutes" }
                        input #timeout_minutes type="number" name="timeout_minutes" min="1" max="43200" value=(draft.timeout_minutes) placeholder="as the connection says" aria-describedby=[described("timeout_minutes", false, wrong)] aria-invalid=[invalid("timeout_minutes", wrong)];
                        (complaint("timeout_minutes", wrong))
                    }
                }
                div.field {
                    label.tick for="run_mode" { input #run_mode type="checkbox" name="run_mode" value="statement_by_statement" checked[draft.by_statement] aria-describedby=[described("run_mode", false, wrong)] aria-invalid=[invalid("run_mode", wrong)]; span { "Commit each statement on its own" small { "for migrations: the run stops at the first failure, and the statements before it stay committed" } } }
                    (complaint("run_mode", wrong))
                }
                p.hint { "Check says what the guardrails think of it and who will be asked, and sends nothing." }
                div.actions.thumb {
                    button.plain type="submit" formaction="/requests/new" formnovalidate { "Check" }
                    button type="submit" { "Send for approval" }
                }
            }
        }
    };
    Ok(viewer.page(app, "New request", Place::New, content))
}

fn who(connection: &Connection) -> String {
    if !connection.approvals {
        return "runs without approval".to_owned();
    }
    let groups: Vec<&str> = connection.reviewers.iter().map(countersign_rules::GroupName::as_str).collect();
    format!("asks {}", groups.join(" and "))
}

/// What would become of it.
fn forecast(check: &Check, name: &ConnectionName) -> Markup {
    html! {
        section.card role="status" aria-labelledby="forecast" {
            h2 #forecast { "If you send this" }
            (dry_run::result(check, Reader::Requester))
            p.hint { "By the rules of " a href={ "/connections/" (name) } { (name) } " as they are now." }
        }
    }
}
