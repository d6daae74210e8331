//! Guardrails, one row a rule.

use countersign_http::Problem;
use countersign_web::form::Form;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::Draft;
use crate::pages::fields::{
    Field, Wrong, area, complaint, described, invalid, line, lines_of, listed, one_line, tick,
};

/// The presets, and what each blocks.
pub(super) const PRESETS: [(&str, &str); 4] = [
    ("no-drop", "dropping objects and destroying their rows"),
    ("no-unbounded-write", "changing every row of a table"),
    ("no-privilege-change", "changing roles, owners and privileges"),
    ("read-only", "everything that does not provably read"),
];

/// What stands in the menu for a rule that is no preset.
const OWN: &str = "own";
/// As many rows as a connection may have rules.
const MOST: usize = 50;

/// The members of `deny` that are lists.
const LISTS: [(&str, &str, &str); 5] = [
    ("statement", "Statements", "DROP TABLE"),
    ("table", "Tables that are touched", "payments"),
    ("written_table", "Tables that are changed", "audit.*"),
    ("function", "Functions that are called", "pg_sleep*"),
    ("words", "Words anywhere", "do not run"),
];
/// Those that are on or off.
const SWITCHES: [(&str, &str); 3] = [
    ("missing_where", "UPDATE or DELETE of every row"),
    ("multiple_statements", "More than one statement"),
    ("not_a_read", "What does not provably read"),
];
/// Those that are regular expressions.
const PATTERNS: [(&str, &str); 2] = [
    ("pattern", "Regular expression over the command"),
    ("output_pattern", "Regular expression over the output"),
];

/// A row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// Its place in what is stored.
    was: Option<usize>,
    /// A preset's name, or [`OWN`].
    preset: String,
    name: String,
    message: String,
    lists: [String; 5],
    switches: [bool; 3],
    patterns: [String; 2],
    /// A list of allowed commands as JSON. It has no field; it stays with its rule.
    only: String,
}

impl Row {
    fn of(rule: &Value) -> Self {
        if let Value::String(preset) = rule {
            return Self { preset: preset.clone(), ..Self::default() };
        }
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let deny = |name: &str| rule.get("deny").and_then(|deny| deny.get(name));
        let list = |name: &str| {
            let entries = deny(name).and_then(Value::as_array).into_iter().flatten();
            lines_of(&entries.filter_map(Value::as_str).collect::<Vec<_>>())
        };
        Self {
            was: None,
            preset: OWN.to_owned(),
            name: one_line(&text(rule.get("name"))),
            message: one_line(&text(rule.get("message"))),
            lists: LISTS.map(|(name, ..)| list(name)),
            switches: SWITCHES.map(|(name, _)| deny(name).and_then(Value::as_bool).unwrap_or_default()),
            patterns: PATTERNS.map(|(name, _)| lines_of(&[text(deny(name))])),
            only: rule.get("only").map(Value::to_string).unwrap_or_default(),
        }
    }

    fn read(form: &Form, place: usize) -> Option<Self> {
        let raw = |member: &str| form.raw(&format!("rule-{place}-{member}")).to_owned();
        let lines = |member: &str| form.lines(&format!("rule-{place}-{member}"));
        let preset = Some(raw("use")).filter(|preset| !preset.is_empty())?;
        Some(Self {
            was: raw("was").parse().ok(),
            preset,
            name: one_line(&raw("name")),
            message: one_line(&raw("message")),
            lists: LISTS.map(|(name, ..)| lines(name)),
            switches: SWITCHES.map(|(name, _)| form.is_ticked(&format!("rule-{place}-{name}"))),
            patterns: PATTERNS.map(|(name, _)| lines(name)),
            only: raw("only"),
        })
    }

    /// The rule. One that was not touched stays what it was.
    fn value(&self, stored: &[Value]) -> Value {
        let was = self.was.and_then(|place| stored.get(place));
        if let Some(was) = was
            && (Self { was: self.was, ..Self::of(was) }) == self.visible()
        {
            return was.clone();
        }
        if self.preset != OWN {
            return self.preset.clone().into();
        }
        let mut deny = Map::new();
        for ((name, ..), text) in LISTS.iter().zip(&self.lists) {
            let entries = listed(text, None);
            if !entries.is_empty() {
                deny.insert((*name).to_owned(), entries.into());
            }
        }
        for ((name, _), on) in SWITCHES.iter().zip(self.switches) {
            if on {
                deny.insert((*name).to_owned(), true.into());
            }
        }
        for ((name, _), pattern) in PATTERNS.iter().zip(&self.patterns) {
            if !pattern.is_empty() {
                deny.insert((*name).to_owned(), pattern.clone().into());
            }
        }
        let mut rule = Map::new();
        rule.insert("name".to_owned(), self.name.clone().into());
        if !self.message.is_empty() {
            rule.insert("message".to_owned(), self.message.clone().into());
        }
        match serde_json::from_str::<Value>(&self.only) {
            Ok(only) if deny.is_empty() => rule.insert("only".to_owned(), only),
            _ => rule.insert("deny".to_owned(), deny.into()),
        };
        rule.into()
    }

    /// What counts of it: the fields of a rule of one's own are nothing to a preset.
    fn visible(&self) -> Self {
        match self.preset.as_str() {
            OWN => self.clone(),
            _ => Self { was: self.was, preset: self.preset.clone(), ..Self::default() },
        }
    }
}

/// The rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rules(Vec<Row>);

impl Rules {
    pub(super) fn of(rules: &[Value]) -> Self {
        let row = |(place, rule)| Row { was: Some(place), ..Row::of(rule) };
        Self(rules.iter().enumerate().map(row).collect())
    }

    pub(super) fn read(form: &Form) -> Self {
        Self((0..MOST).map_while(|place| Row::read(form, place)).collect())
    }

    pub(super) fn values(&self, stored: &[Value]) -> Vec<Value> {
        self.0.iter().map(|row| row.value(stored)).collect()
    }

    /// One row more, with the first preset that is not there yet.
    pub(super) fn add(&mut self) {
        let free = PRESETS.iter().find(|(preset, _)| !self.0.iter().any(|row| row.preset == *preset));
        let preset = free.map_or(OWN, |(preset, _)| preset).to_owned();
        if self.0.len() < MOST {
            self.0.push(Row { preset, ..Row::default() });
        }
    }

    /// The place of the last one.
    pub(super) fn last(&self) -> Option<usize> {
        self.0.len().checked_sub(1)
    }

    /// Without the row of that place.
    pub(super) fn remove(&mut self, place: usize) {
        if place < self.0.len() {
            self.0.remove(place);
        }
    }

    /// Refuses what the guardrails would, where the row can say it better.
    pub(super) fn check(&self) -> Result<(), Problem> {
        let nameless = |row: &Row| row.preset == OWN && row.name.is_empty();
        match self.0.iter().position(nameless) {
            None => Ok(()),
            Some(place) => {
                let detail = format!("rule {} has no name: requesters are told it", place + 1);
                Err(Problem::invalid(detail.clone()).at(&format!("/guardrails/{place}/name"), detail))
            }
        }
    }
}

/// The section. `fresh` is a row that was added just now.
pub(super) fn section(
    to: &str,
    draft: &Draft,
    fresh: Option<usize>,
    tried: &Markup,
    wrong: &Wrong,
) -> Markup {
    // A new row takes the focus, which an address that leads elsewhere would take away.
    let (here, again) = (format!("{to}/check"), format!("{to}/check#guardrails"));
    let there = format!("{to}/check#tried-command");
    html! {
        section.card #guardrails aria-labelledby="guardrails-h" {
            h2 #guardrails-h { "Guardrails" }
            p.hint { "What they block, nobody is asked about. They bind everybody, admins and exempt groups too." }
            @if draft.rules.0.is_empty() { p.muted { "No rule yet." } }
            (complaint("guardrails", wrong))
            @for (place, row) in draft.rules.0.iter().enumerate() { (rule(&again, place, row, fresh == Some(place), wrong)) }
            p { button.plain type="submit" name="do" value="rule-add" formaction=(here) formnovalidate { "Add a rule" } }
            div.field {
                label for="try_command" { "Try a command" }
                p.hint #try_command-hint { "Against the rules as they stand in this form. Nothing runs and nothing is saved." }
                textarea #try_command name="try_command" rows="2" spellcheck="false" autocapitalize="off" aria-describedby=[described("try_command", true, wrong)] { "\n" (draft.try_command) }
                (complaint("try_command", wrong))
            }
            p { button.plain type="submit" name="do" value="try" formaction=(there) formnovalidate { "Try the command" } }
            div #tried-command { (tried) }
            (tick("auto_reads", draft.auto_reads, "Commands that provably only read need no approval", "they run read-only, with the secret for reading"))
            (complaint("auto_reads", wrong))
            (line(wrong, Field {
                id: "read_secret", label: "Secret for reading", value: &draft.read_secret, example: "env:PROD_DB_READ_URL",
                hint: "Of a role that may only read, so that nothing is written even if a rule is wrong.",
            }))
        }
    }
}

fn rule(again: &str, place: usize, row: &Row, fresh: bool, wrong: &Wrong) -> Markup {
    let id = |member: &str| format!("rule-{place}-{member}");
    let (menu, number) = (id("use"), place + 1);
    let known = PRESETS.iter().any(|(preset, _)| *preset == row.preset) || row.preset == OWN;
    let rare = row.lists.iter().skip(2).any(|list| !list.is_empty())
        || row.patterns.iter().any(|pattern| !pattern.is_empty())
        || ["written_table", "function", "words", "pattern", "output_pattern"]
            .iter()
            .any(|one| wrong.at(&id(one)).is_some());
    let list = |place: usize, hint: &str| {
        let Some(((name, label, example), value)) = LISTS.get(place).zip(row.lists.get(place)) else {
            return html! {};
        };
        area(wrong, Field { id: &id(name), label, hint, value, example }, 2)
    };
    html! {
        fieldset.rule id={ "rule-" (place) } {
            legend { "Rule " (number) }
            @if let Some(was) = row.was { input type="hidden" name=(id("was")) value=(was); }
            @if !row.only.is_empty() { input type="hidden" name=(id("only")) value=(row.only); }
            div.rule-head {
                div.field {
                    label for=(menu) { "What it blocks" }
                    select id=(menu) name=(menu) autofocus[fresh] aria-describedby=[described(&menu, false, wrong)] aria-invalid=[invalid(&menu, wrong)] {
                        @for (preset, blocks) in PRESETS { option value=(preset) selected[row.preset == preset] { (preset) ": " (blocks) } }
                        @if !known { option value=(row.preset) selected { (row.preset) } }
                        option.own value=(OWN) selected[row.preset == OWN] { "a rule of your own" }
                    }
                    (complaint(&menu, wrong))
                }
                button.plain type="submit" name="do" value={ "rule-remove-" (place) } formaction=(again) formnovalidate { "Remove rule " (number) }
            }
            div.own {
                div.fields {
                    (line(wrong, Field { id: &id("name"), label: "What the rule is called", value: &row.name, example: "payments", hint: "" }))
                    (line(wrong, Field { id: &id("message"), label: "What the requester is told", value: &row.message, example: "ask #finance", hint: "" }))
                }
                p.hint { "Any one of these blocks. Lists have one entry a line; * stands for anything in names." }
                div.picks {
                    @for ((name, label), on) in SWITCHES.iter().zip(row.switches) { (tick(&id(name), on, label, "")) }
                }
                div.fields { (list(0, "")) (list(1, "")) }
                details.box open[rare] {
                    summary { "Writes, functions, words, patterns" }
                    div.fields { (list(2, "")) (list(3, "")) (list(4, "")) }
                    @for ((name, label), value) in PATTERNS.iter().zip(&row.patterns) {
                        (area(wrong, Field { id: &id(name), label, hint: "", value, example: r"(?i)\bxxx+\b" }, 1))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_menu_has_every_preset() {
        assert_eq!(PRESETS.map(|(preset, _)| preset), countersign_guardrails::PRESETS);
    }

    #[test]
    fn what_was_not_touched_stays_to_the_letter() {
        let odd = json!([
            "no-drop",
            { "name": " spaces ", "message": null, "deny": { "table": [], "words": ["a\nb"], "missing_where": false } },
            { "name": "p", "deny": { "pattern": "(?x)\r\n a" } },
            { "name": "o", "only": { "commands": ["ls"], "variables": ["A"] } }
        ]);
        let stored = odd.as_array().unwrap();
        assert_eq!(Rules::of(stored).values(stored), *stored);
        let mut without = Rules::of(stored);
        without.remove(0);
        without.add();
        let values = without.values(stored);
        assert_eq!(values.get(..3), stored.get(1..), "the others moved, and nothing else");
        assert_eq!(values.get(3), Some(&json!("no-drop")));
        assert_eq!(Rules::of(stored).values(&[]).get(3), stored.get(3), "it has no field, and stays");
    }

    #[test]
    fn a_rule_is_written_as_its_fields_say() {
        let whole = json!([{ "name": "n", "message": "m", "deny": {
            "statement": ["DROP"], "table": ["a", "b.*"], "written_table": ["c"], "function": ["f"],
            "missing_where": true, "multiple_statements": true, "not_a_read": true, "words": ["x y"],
            "pattern": "p", "output_pattern": "o"
        } }]);
        let whole = whole.as_array().unwrap();
        assert_eq!(Rules::of(whole).values(&[]), *whole);
    }
}
