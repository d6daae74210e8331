//! Guardrails, one row a rule.

use countersign_http::Problem;
use countersign_web::form::Form;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::Draft;
use crate::pages::fields::{
    Field, Wrong, area, complaint, described, invalid, line, lines_of, listed, number, one_line, tick,
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
/// What stands there for a list of allowed commands.
const ONLY: &str = "only";
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

/// The members of `only`: name, label, hint, example.
const ALLOWED: [(&str, &str, &str, &str); 4] = [
    (
        "commands",
        "Commands that may run",
        "Program, the words that its arguments begin with, and its options: -A is an option without a value, -n= one with a value, * any option.",
        "kubectl get -n= -o=",
    ),
    ("variables", "Variables that may be set", "", "NS"),
    ("reads", "Files that may be read by redirection", "", "/etc/hosts"),
    ("writes", "Files that may be written by redirection", "", "/var/log/restarts"),
];

/// A row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    /// Its place in what is stored.
    was: Option<usize>,
    /// A preset's name, [`OWN`] or [`ONLY`].
    preset: String,
    name: String,
    message: String,
    lists: [String; 5],
    switches: [bool; 3],
    patterns: [String; 2],
    /// The lists of [`ALLOWED`].
    allowed: [String; 4],
}

impl Row {
    fn of(rule: &Value) -> Self {
        if let Value::String(preset) = rule {
            return Self { preset: preset.clone(), ..Self::default() };
        }
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
        let deny = |name: &str| rule.get("deny").and_then(|deny| deny.get(name));
        let list = |of: &str, name: &str| {
            let entries = rule.get(of).and_then(|of| of.get(name)).and_then(Value::as_array);
            lines_of(&entries.into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>())
        };
        Self {
            was: None,
            preset: if rule.get("only").is_some() { ONLY } else { OWN }.to_owned(),
            name: one_line(&text(rule.get("name"))),
            message: one_line(&text(rule.get("message"))),
            lists: LISTS.map(|(name, ..)| list("deny", name)),
            switches: SWITCHES.map(|(name, _)| deny(name).and_then(Value::as_bool).unwrap_or_default()),
            patterns: PATTERNS.map(|(name, _)| lines_of(&[text(deny(name))])),
            allowed: ALLOWED.map(|(name, ..)| list("only", name)),
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
            allowed: ALLOWED.map(|(name, ..)| lines(name)),
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
        let (member, body) = match self.preset.as_str() {
            OWN => ("deny", self.denied()),
            ONLY => ("only", self.allowed()),
            preset => return preset.into(),
        };
        let mut rule = Map::new();
        rule.insert("name".to_owned(), self.name.clone().into());
        if !self.message.is_empty() {
            rule.insert("message".to_owned(), self.message.clone().into());
        }
        rule.insert(member.to_owned(), body.into());
        rule.into()
    }

    /// The object `only`. It always has `commands`, so that a rule without any is refused at its field.
    fn allowed(&self) -> Map<String, Value> {
        let lists = ALLOWED.iter().zip(&self.allowed).map(|((name, ..), text)| (*name, listed(text, None)));
        let given = lists.filter(|(name, entries)| *name == "commands" || !entries.is_empty());
        given.map(|(name, entries)| (name.to_owned(), entries.into())).collect()
    }

    /// The object `deny`.
    fn denied(&self) -> Map<String, Value> {
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
        deny
    }

    /// Whether an entry of the allowed commands has any option.
    fn has_any_option(&self) -> bool {
        self.allowed.first().is_some_and(|commands| commands.split_whitespace().any(|word| word == "*"))
    }

    /// What counts of it: the fields of the other sorts of rules are nothing to it.
    fn visible(&self) -> Self {
        match self.preset.as_str() {
            OWN => Self { allowed: Default::default(), ..self.clone() },
            ONLY => Self {
                was: self.was,
                preset: self.preset.clone(),
                name: self.name.clone(),
                message: self.message.clone(),
                allowed: self.allowed.clone(),
                ..Self::default()
            },
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

    /// One row more: for a runner a list of allowed commands, else the first preset that is not there yet.
    pub(super) fn add(&mut self, kind: &str) {
        let is_there = |sort: &str| self.0.iter().any(|row| row.preset == sort);
        let free = PRESETS.iter().map(|(preset, _)| *preset).find(|preset| !is_there(preset));
        let preset = match kind {
            "runner" if !is_there(ONLY) => ONLY,
            "runner" => OWN,
            _ => free.unwrap_or(OWN),
        };
        let preset = preset.to_owned();
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
        let nameless = |row: &Row| matches!(row.preset.as_str(), OWN | ONLY) && row.name.is_empty();
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
            p.hint.of-kind data-for="runner" { "For a runner, a list of allowed commands is safer than a list of blocked ones: it blocks every program that is not listed." }
            @if draft.rules.0.is_empty() { p.muted { "No rule yet." } }
            (complaint("guardrails", wrong))
            @for (place, row) in draft.rules.0.iter().enumerate() { (rule(&again, place, row, fresh == Some(place), wrong)) }
            p { button.plain type="submit" name="do" value="rule-add" formaction=(here) formnovalidate { "Add a rule" } }
            div.of-kind data-for="postgres mysql sqlite" {
                (number(wrong, Field {
                    id: "max_rows", label: "Rows that a request may change", value: &draft.max_rows, example: "no limit",
                    hint: "A command that changes more is rolled back. Commands whose rows cannot be counted (definitions, CALL) are blocked.",
                }))
            }
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
    let known =
        PRESETS.iter().any(|(preset, _)| *preset == row.preset) || matches!(row.preset.as_str(), OWN | ONLY);
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
            div.rule-head {
                div.field {
                    label for=(menu) { "What it blocks" }
                    select id=(menu) name=(menu) autofocus[fresh] aria-describedby=[described(&menu, false, wrong)] aria-invalid=[invalid(&menu, wrong)] {
                        @for (preset, blocks) in PRESETS { option value=(preset) selected[row.preset == preset] { (preset) ": " (blocks) } }
                        @if !known { option value=(row.preset) selected { (row.preset) } }
                        option.own value=(OWN) selected[row.preset == OWN] { "a rule of your own" }
                        option.only value=(ONLY) selected[row.preset == ONLY] { "every command that is not listed (runners)" }
                    }
                    (complaint(&menu, wrong))
                }
                button.plain type="submit" name="do" value={ "rule-remove-" (place) } formaction=(again) formnovalidate { "Remove rule " (number) }
            }
            div.named {
                div.fields {
                    (line(wrong, Field { id: &id("name"), label: "What the rule is called", value: &row.name, example: "payments", hint: "" }))
                    (line(wrong, Field { id: &id("message"), label: "What the requester is told", value: &row.message, example: "ask #finance", hint: "" }))
                }
            }
            div.only {
                p.hint { "Lists have one entry a line. A command of which any part is not listed is blocked." }
                @for ((name, label, hint, example), value) in ALLOWED.iter().zip(&row.allowed).take(1) {
                    (area(wrong, Field { id: &id(name), label, hint, value, example }, 4))
                }
                @if row.has_any_option() {
                    p.notice.wait { "An entry with * allows any option. Some programs run code or write files by an option, such as " code { "tar --checkpoint-action" } ": list the options instead." }
                }
                div.fields {
                    @for ((name, label, hint, example), value) in ALLOWED.iter().zip(&row.allowed).skip(1) {
                        (area(wrong, Field { id: &id(name), label, hint, value, example }, 2))
                    }
                }
            }
            div.own {
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
        without.add("postgres");
        let values = without.values(stored);
        assert_eq!(values.get(..3), stored.get(1..), "the others moved, and nothing else");
        assert_eq!(values.get(3), Some(&json!("no-drop")));
        assert_eq!(Rules::of(stored).values(&[]).get(3), stored.get(3), "its fields say all of it");
    }

    #[test]
    fn a_list_of_allowed_commands_is_written_as_its_fields_say() {
        let whole = json!([{ "name": "n", "message": "m", "only": {
            "commands": ["kubectl get -n= -o=", "tail *"], "variables": ["NS"], "reads": ["/a"], "writes": ["/b", "/c"]
        } }]);
        let whole = whole.as_array().unwrap();
        assert_eq!(Rules::of(whole).values(&[]), *whole);
        let mut rules = Rules::default();
        rules.add("runner");
        assert_eq!(rules.0[0].preset, ONLY, "what is recommended for runners");
        rules.0[0].name = "listed".to_owned();
        assert_eq!(rules.values(&[]), [json!({ "name": "listed", "only": { "commands": [] } })]);
        rules.add("runner");
        assert_eq!(rules.0[1].preset, OWN);
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
