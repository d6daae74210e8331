//! What is masked in output.

use std::collections::{BTreeMap, BTreeSet};

use countersign_http::Problem;
use countersign_masking::{Entity, MaskingPolicy, Style};
use countersign_web::form::Form;
use maud::{Markup, html};
use serde_json::{Value, json};

use super::Draft;
use crate::pages::fields::{Field, Wrong, area, complaint, described, line, lines_of, listed, tick};

const STYLES: [(Style, &str, &str); 3] = [
    (Style::Replace, "replace", "by its kind: <CREDIT_CARD>"),
    (Style::KeepLast4, "keep_last4", "all but the last four: **** 1111"),
    (Style::Hash, "hash", "by a keyed hash: equal values stay equal"),
];

fn word(style: Style) -> &'static str {
    STYLES.iter().find(|(one, ..)| *one == style).map_or("replace", |(_, word, _)| *word)
}

/// What one may choose to look for; the others are masked whatever is chosen.
fn offered() -> impl Iterator<Item = Entity> {
    Entity::ALL.iter().copied().filter(|entity| !matches!(entity, Entity::MaskedColumn | Entity::Row))
}

/// What stands in the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Masking {
    enabled: bool,
    all: bool,
    entities: BTreeSet<Entity>,
    styles: BTreeMap<Entity, String>,
    style: String,
    columns: String,
    allow: String,
}

impl Masking {
    pub(super) fn of(policy: &MaskingPolicy) -> Self {
        let styles = policy.styles.iter().filter(|(entity, _)| !entity.is_secret());
        Self {
            enabled: policy.enabled,
            all: policy.entities.is_empty(),
            entities: policy
                .entities
                .iter()
                .copied()
                .filter(|entity| offered().any(|one| one == *entity))
                .collect(),
            styles: styles.map(|(entity, style)| (*entity, word(*style).to_owned())).collect(),
            style: word(policy.style).to_owned(),
            columns: lines_of(&policy.columns),
            allow: lines_of(&policy.allow),
        }
    }

    pub(super) fn read(form: &Form) -> Self {
        let style = |entity: Entity| {
            let style = form.raw(&format!("masking-style-{entity}"));
            (!style.is_empty()).then(|| (entity, style.to_owned()))
        };
        Self {
            enabled: form.is_ticked("masking-enabled"),
            all: form.raw("look_for") != "some",
            entities: form.all("masking-entities").filter_map(|name| name.parse().ok()).collect(),
            styles: offered().filter_map(style).collect(),
            style: form.raw("masking-style").to_owned(),
            columns: form.lines("masking-columns"),
            allow: form.lines("masking-allow"),
        }
    }

    /// The document. What was not touched, and what has no field, stays what it was.
    pub(super) fn value(&self, before: Option<&MaskingPolicy>) -> Result<Value, Problem> {
        let (none, stored) = (MaskingPolicy::default(), before);
        let was = stored.unwrap_or(&none);
        Ok(json!({
            "enabled": self.enabled,
            "entities": self.entities(was)?,
            "columns": listed(&self.columns, stored.map(|was| was.columns.as_slice())),
            "allow": listed(&self.allow, stored.map(|was| was.allow.as_slice())),
            "style": self.style,
            "styles": self.styles(was),
        }))
    }

    fn entities(&self, was: &MaskingPolicy) -> Result<Vec<Entity>, Problem> {
        if self.all {
            return Ok(Vec::new());
        }
        if self.entities.is_empty() {
            let detail =
                "tick what is looked for, or look for everything; switch masking off to look for nothing";
            return Err(Problem::invalid(detail).at("/masking/entities", detail));
        }
        let unchangeable = |entity: &Entity| !offered().any(|one| one == *entity);
        let stays = |entity: &&Entity| self.entities.contains(*entity) || unchangeable(entity);
        let mut entities: Vec<Entity> = was.entities.iter().filter(stays).copied().collect();
        let new = self.entities.iter().filter(|entity| !was.entities.contains(entity));
        entities.extend(new);
        Ok(entities)
    }

    fn styles(&self, was: &MaskingPolicy) -> BTreeMap<&'static str, String> {
        let fixed = was.styles.iter().filter(|(entity, _)| entity.is_secret());
        let fixed = fixed.map(|(entity, style)| (entity.name(), word(*style).to_owned()));
        fixed.chain(self.styles.iter().map(|(entity, style)| (entity.name(), style.clone()))).collect()
    }
}

/// The section.
pub(super) fn section(to: &str, draft: &Draft, tried: &Markup, wrong: &Wrong) -> Markup {
    let masking = &draft.masking;
    let again = format!("{to}/check#tried-text");
    let choose = |all: bool, label: &str| {
        html! {
            label.tick { input type="radio" name="look_for" value=(if all { "all" } else { "some" }) checked[masking.all == all]; (label) }
        }
    };
    html! {
        section.card #masking aria-labelledby="masking-h" {
            h2 #masking-h { "Masking" }
            (tick("masking-enabled", masking.enabled, "Mask personal and secret data in output", "off: what the target returns is stored and shown as it is"))
            (complaint("masking-enabled", wrong))
            fieldset {
                legend { "What is looked for" }
                (choose(true, "everything that is known"))
                (choose(false, "only what is ticked below"))
                (complaint("masking-entities", wrong))
            }
            details.box #masking-entities open[!masking.all || !masking.styles.is_empty() || wrong.within("masking-")] {
                summary { "Kinds of data, and how each is replaced" }
                (entities(masking))
            }
            div.fields {
                div.field {
                    label for="masking-style" { "A value is replaced" }
                    select #masking-style name="masking-style" aria-describedby=[described("masking-style", false, wrong)] {
                        @for (_, word, how) in STYLES { option value=(word) selected[masking.style == word] { (how) } }
                    }
                    (complaint("masking-style", wrong))
                }
                (line(wrong, Field {
                    id: "masking_key", label: "Reference to the key of the keyed hash", value: &draft.masking_key, example: "env:MASKING_KEY", hint: "",
                }))
                (area(wrong, Field {
                    id: "masking-columns", label: "Columns that are masked whole", value: &masking.columns, example: "orders.comment",
                    hint: "One a line, besides those that are known by their names.",
                }, 2))
                (area(wrong, Field {
                    id: "masking-allow", label: "Never masked", value: &masking.allow, example: "noreply@example.com",
                    hint: "One a line: values as they are written, or columns.",
                }, 2))
            }
            div.field {
                label for="try_text" { "Try a text" }
                p.hint #try_text-hint { "Masked as this form says. Nothing of it is kept." }
                textarea #try_text name="try_text" rows="2" spellcheck="false" autocapitalize="off" aria-describedby="try_text-hint" { "\n" (draft.try_text) }
            }
            p { button.plain type="submit" name="do" value="try" formaction=(again) formnovalidate { "Try the text" } }
            div #tried-text { (tried) }
        }
    }
}

fn entities(masking: &Masking) -> Markup {
    html! {
        ul.kinds {
            @for entity in offered() {
                li {
                    label.tick { input type="checkbox" name="masking-entities" value=(entity) checked[masking.entities.contains(&entity)]; code { (entity) } }
                    @if entity.is_secret() { span.small.muted { "always whole" } }
                    @else {
                        select name={ "masking-style-" (entity) } aria-label={ (entity) " is replaced" } {
                            option value="" { "as the others" }
                            @for (_, word, how) in STYLES { option value=(word) selected[masking.styles.get(&entity).is_some_and(|style| style == word)] { (how) } }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_touched_stays_to_the_letter() {
        for policy in [
            json!({}),
            json!({ "enabled": false }),
            json!({ "entities": ["PHONE_NUMBER", "ROW", "CREDIT_CARD", "CREDIT_CARD"], "columns": [" a ", "b\nc"], "allow": ["x, y", ""] }),
            json!({ "style": "keep_last4", "styles": { "EMAIL_ADDRESS": "hash", "SECRET": "keep_last4" } }),
        ] {
            let policy = MaskingPolicy::parse(&policy).unwrap();
            let again = Masking::of(&policy).value(Some(&policy)).unwrap();
            assert_eq!(MaskingPolicy::parse(&again).unwrap(), policy);
        }
    }

    #[test]
    fn to_look_for_some_and_tick_none_is_refused() {
        let nothing = Masking { all: false, ..Masking::of(&MaskingPolicy::default()) };
        assert!(nothing.value(None).is_err());
    }
}
