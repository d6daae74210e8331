//! The form of a connection: what stands in it, what it makes of a document, and what saving would mean.
//!
//! **Invariant:** what the form does not show, or was not touched, is saved as it was. Each part compares
//! what came back with what it would show of the stored document, and keeps the stored one where both are
//! the same. A form is saved over the version that it was opened with only.

mod approval;
mod draft;
mod effects;
mod masking;
mod notify;
mod rules;
mod target;

use countersign_app::App;
use countersign_app::assess::{Assess, Assessment};
use countersign_app::directory::Known;
use countersign_app::dry_run::{Forecast, anyone};
use countersign_app::submit::MAX_COMMAND_BYTES;
use countersign_http::Problem;
use countersign_notify::SlackSettings;
use countersign_storage::Connection;
use maud::{Markup, html};

use self::effects::{effects, fingerprint, tried_text};
use super::dry_run::{self, Reader};
use super::fields::{Wrong, complaint, described, invalid};
use super::proposal;
use super::viewer::Viewer;
use crate::connections::check::{checked, complaint_of, warnings};

pub(super) use self::approval::seconds as seconds_of;
pub(super) use self::draft::Draft;

/// What is shown besides what stands in the form.
#[derive(Default)]
pub(super) struct Outcome {
    /// What is wrong.
    pub(super) wrong: Option<Wrong>,
    /// What saving would mean; with it, the fingerprint of what that is about.
    pub(super) seen: Option<(Markup, String)>,
    command: Markup,
    text: Markup,
}

impl Outcome {
    /// That something is wrong.
    pub(super) fn wrong(problem: &Problem) -> Self {
        Self { wrong: Some(Wrong::of(problem)), ..Self::default() }
    }
}

/// Whether saving a draft would store just what has that fingerprint. Asks nobody: who saves it has its rules
/// assessed.
pub(super) fn was_seen(app: &App, before: Option<&Connection>, draft: &Draft, seen: &str) -> bool {
    connection_of(app, before, draft).is_ok_and(|connection| fingerprint(&connection) == seen)
}

fn connection_of(app: &App, before: Option<&Connection>, draft: &Draft) -> Result<Connection, Problem> {
    checked(app, draft.name()?, draft.body(before)?, before)
}

/// What else is wrong with a new connection that has no name yet.
fn others(app: &App, draft: &Draft) -> Result<(), Problem> {
    let name = "unnamed".parse().map_err(|_| Problem::internal())?;
    checked(app, name, draft.body(None)?, None).map(|_| ())
}

/// Looks at a draft: tries what was to be tried, and says, unless that is all that was asked, whether it can
/// be and what saving it would mean. Writes nothing.
pub(super) async fn look(app: &App, before: Option<&Connection>, draft: &Draft, only_try: bool) -> Outcome {
    let assessed = match assessed(app, draft).await {
        Ok(assessed) => assessed,
        Err(problem) => return Outcome::wrong(&problem),
    };
    let tries_text = !draft.try_text.trim().is_empty();
    let mut outcome = Outcome {
        command: tried(app, draft, &assessed).await,
        text: if tries_text {
            tried_text(assessed.masked.as_deref())
        } else {
            html! {}
        },
        ..Outcome::default()
    };
    let complaint = assessed.complaint.as_ref().map(complaint_of);
    let seen = match complaint {
        Some(problem) => Err(problem),
        None if only_try => return outcome,
        None => seen(app, before, draft).await,
    };
    match seen {
        Ok(seen) => outcome.seen = Some(seen),
        // All that is wrong is told at once, as far as one thing does not hide the next.
        Err(problem) => {
            outcome.wrong = Some(match draft.name() {
                Err(nameless) if before.is_none() => {
                    Wrong::of(&nameless).with(others(app, draft).err().as_ref())
                }
                Ok(_) | Err(_) => Wrong::of(&problem),
            });
        }
    }
    outcome
}

/// What the rules and the masking of the draft make of what is tried, whatever else stands in it.
async fn assessed(app: &App, draft: &Draft) -> Result<Assessment, Problem> {
    if draft.try_command.len() > MAX_COMMAND_BYTES {
        let detail =
            format!("the command has {} bytes, the most is {MAX_COMMAND_BYTES}", draft.try_command.len());
        return Err(Problem::invalid(detail.clone()).at("/try_command", detail));
    }
    let filled = |text: &String| (!text.trim().is_empty()).then(|| text.clone());
    let (command, text) = (filled(&draft.try_command), filled(&draft.try_text));
    let connection = draft.on_trial()?;
    if connection.guardrails.is_empty() && command.is_none() && text.is_none() {
        return Ok(Assessment::default());
    }
    app.assess(Assess { command, text, ..Assess::rules_of(&connection) }).await
}

/// What would become of the command that is tried, for a requester who is in no group. There is no estimate: the
/// secret for it may not be saved yet.
async fn tried(app: &App, draft: &Draft, assessed: &Assessment) -> Markup {
    let (Some(verdict), Ok(trial)) = (&assessed.verdict, draft.on_trial()) else { return html! {} };
    let known = app.known_for_display().await.unwrap_or_default();
    let (policy, requester) = (trial.policy(), anyone());
    let forecast = Forecast { policy: &policy, requester: &requester, known: &known };
    html! { div role="status" { (dry_run::result(&forecast.check(assessed, verdict, None), Reader::Admin)) } }
}

/// What saving it would mean, and the fingerprint of what that is about.
async fn seen(app: &App, before: Option<&Connection>, draft: &Draft) -> Result<(Markup, String), Problem> {
    let connection = connection_of(app, before, draft)?;
    let warned = warnings(app, &connection).await;
    let known = app.known_for_display().await.unwrap_or_default();
    Ok((effects(before, &connection, &known, &warned, proposal::save_this(app)), fingerprint(&connection)))
}

/// The form.
pub(super) fn form(
    app: &App,
    viewer: &Viewer,
    connection: Option<&Connection>,
    draft: &Draft,
    known: &Known,
    outcome: &Outcome,
) -> Markup {
    let to =
        connection.map_or_else(|| "/connections/new".to_owned(), |one| format!("/connections/{}", one.name));
    let nothing = Wrong::default();
    let wrong = outcome.wrong.as_ref().unwrap_or(&nothing);
    let parts = [
        ("target-h", "Target"),
        ("approval", "Approval"),
        ("access", "Access"),
        ("guardrails", "Guardrails"),
        ("masking", "Masking"),
        ("notify", "Notifications"),
    ];
    html! {
        nav.index.small aria-label="Parts of this form" { @for (id, name) in parts { a href={ "#" (id) } { (name) } } }
        form.connection #connection method="post" action={ (to) "/save" } {
            // The first button of a form is what Enter presses: it must not be one that removes a rule.
            button.hidden-text type="submit" formaction={ (to) "/check" } formnovalidate tabindex="-1" aria-hidden="true" { "Check" }
            (viewer.csrf())
            @if let Some(connection) = connection {
                input type="hidden" name="version" value=(connection.version);
                input type="hidden" name="name" value=(connection.name);
            }
            @if let Some((_, fingerprint)) = &outcome.seen { input type="hidden" name="seen" value=(fingerprint); }
            (target::section(connection.is_none(), draft, wrong))
            (approval::section(draft, known, wrong))
            (approval::access(draft, known, wrong))
            (rules::section(&to, draft, draft.fresh, &outcome.command, wrong))
            (masking::section(&to, draft, &outcome.text, wrong))
            (notify::section(draft, wrong))
            div.card.save {
                div.actions {
                    @if outcome.seen.is_some() {
                        button type="submit" { (proposal::save_this(app)) }
                        button.plain type="submit" formaction={ (to) "/check" } formnovalidate { "Review again" }
                    } @else {
                        button type="submit" { "Review changes" }
                        span.hint { "says what changes and for whom, and saves nothing yet" }
                    }
                }
            }
        }
    }
}

/// What stands below the form of a connection that is there.
pub(super) fn below(
    viewer: &Viewer,
    connection: &Connection,
    slack: Option<&(SlackSettings, u64)>,
    outcome: &Outcome,
) -> Markup {
    let nothing = Wrong::default();
    let wrong = outcome.wrong.as_ref().unwrap_or(&nothing);
    html! {
        (notify::reminders(viewer, connection, slack, wrong))
        details.box {
            summary { "As JSON" }
            p.hint { "The whole document as it is stored, and as the API and the command line take it." }
            pre.text tabindex="0" role="group" aria-label="The connection as JSON" { (as_json(connection)) }
        }
        details.box open[wrong.at("name_again").is_some()] {
            summary { "Delete this connection" }
            form method="post" action={ "/connections/" (connection.name) "/delete" } {
                (viewer.csrf())
                input type="hidden" name="version" value=(connection.version);
                p.hint { "What waits for approval on it is cancelled when it would run. Its past stays." }
                div.field { label for="name_again" { "Its name, to be sure" } input #name_again type="text" name="name_again" required autocomplete="off" aria-describedby=[described("name_again", false, wrong)] aria-invalid=[invalid("name_again", wrong)]; (complaint("name_again", wrong)) }
                button.reject type="submit" { "Delete" }
            }
        }
    }
}

fn as_json(connection: &Connection) -> String {
    let whole = serde_json::to_string_pretty(connection).unwrap_or_default();
    countersign_rules::display::display(&whole)
}
