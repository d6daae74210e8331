//! Who is told, and how reviewers are asked again.

use countersign_notify::SlackSettings;
use countersign_notify::slack::reminders::Reminders;
use countersign_storage::Connection;
use maud::{Markup, html};

use super::Draft;
use super::approval::minutes;
use crate::pages::fields::{Field, Wrong, area, complaint, described, invalid, number};
use crate::pages::viewer::Viewer;

/// The section of the form.
pub(super) fn section(draft: &Draft, wrong: &Wrong) -> Markup {
    html! {
        section.card aria-labelledby="notify" {
            h2 #notify { "Notifications" }
            fieldset {
                legend { "People are told through" }
                div.picks {
                    @for (channel, name) in [("slack", "Slack"), ("teams", "Teams"), ("webhooks", "Webhooks")] {
                        label.tick { input type="checkbox" name="notify" value=(channel) checked[draft.notify.contains(channel)]; (name) }
                    }
                }
                (complaint("notify", wrong))
            }
            (area(wrong, Field {
                id: "slack_channels", label: "Slack channels", value: &draft.slack_channels, example: "C0123ABCD",
                hint: "Ids, one a line. None: the default ones of the integration.",
            }, 2))
        }
    }
}

/// How reviewers are asked again: a form of its own, because it is a setting of Slack and not of the
/// connection.
pub(super) fn reminders(
    viewer: &Viewer,
    connection: &Connection,
    slack: Option<&(SlackSettings, u64)>,
    wrong: &Wrong,
) -> Markup {
    let Some((settings, version)) = slack else {
        return html! {
            section.card aria-labelledby="reminders" {
                h2 #reminders { "Reminders in Slack" }
                p.muted { "Slack is not set up: nobody is reminded. An admin sets it up under " a href="/integrations" { "Integrations" } "." }
            }
        };
    };
    let own = settings.reminders.contains_key(&connection.name);
    let now = settings.reminders_of(&connection.name);
    let most = now.most.to_string();
    html! {
        section.card aria-labelledby="reminders" {
            h2 #reminders { "Reminders in Slack" }
            p.hint {
                @if own { "On this connection: " } @else { "As everywhere: " }
                (in_words(now))
            }
            form method="post" action={ "/connections/" (connection.name) "/reminders" } {
                (viewer.csrf())
                input type="hidden" name="version" value=(version);
                div.fields {
                    (number(wrong, Field { id: "first_minutes", label: "The first one after so many minutes", value: &minutes(now.first_seconds), example: "15", hint: "Each later one takes twice as long." }))
                    div.field {
                        label for="most_reminders" { "How many" }
                        input #most_reminders type="number" min="0" max="20" name="most_reminders" value=(most) aria-describedby=[described("most_reminders", false, wrong)] aria-invalid=[invalid("most_reminders", wrong)];
                        (complaint("most_reminders", wrong))
                    }
                }
                div.actions {
                    button.plain type="submit" { "Save reminders" }
                    @if own { button.plain type="submit" name="do" value="as-everywhere" { "As everywhere" } }
                }
            }
        }
    }
}

fn in_words(reminders: Reminders) -> String {
    match reminders.most {
        0 => "nobody is reminded.".to_owned(),
        1 => format!("reviewers are asked again once, after {} min.", minutes(reminders.first_seconds)),
        most => format!(
            "while a request waits, reviewers are asked again after {} min, then after twice as long each time, {most} times in all.",
            minutes(reminders.first_seconds)
        ),
    }
}
