//! The inputs of forms: each with its label, its hint, and what is wrong with it.

use std::collections::BTreeMap;

use countersign_http::Problem;
use countersign_web::layout::ticked;
use maud::{Markup, html};
use serde_json::Value;

/// What is wrong, by the ids of the fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wrong {
    detail: String,
    at: BTreeMap<String, String>,
}

impl Wrong {
    /// What a problem says.
    pub(crate) fn of(problem: &Problem) -> Self {
        let body = problem.body();
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let errors = body.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
        let at = errors.iter().map(|error| (id_of(&text(error, "pointer")), text(error, "message")));
        Self { detail: text(&body, "detail"), at: at.collect() }
    }

    /// What is wrong with a field.
    pub(crate) fn at(&self, id: &str) -> Option<&str> {
        self.at.get(id).map(String::as_str)
    }

    /// Whether anything is wrong with a field whose id begins so.
    pub(crate) fn within(&self, prefix: &str) -> bool {
        self.at.keys().any(|id| id.starts_with(prefix))
    }

    /// Above the form: what is wrong, and the way there.
    pub(crate) fn notice(&self, what: &str) -> Markup {
        html! {
            div.notice.bad role="alert" {
                strong { (what) } " "
                @match self.at.keys().next() {
                    Some(id) => a href={ "#" (id) } { (ticked(&self.detail)) },
                    None => (ticked(&self.detail)),
                }
            }
        }
    }
}

/// The field that a part of the document is written in.
fn id_of(pointer: &str) -> String {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    match parts.as_slice() {
        ["target"] => "kind".to_owned(),
        ["target", member, ..] => format!("target-{member}"),
        ["timeout_seconds"] => "timeout_minutes".to_owned(),
        ["run_within_seconds"] => "run_within_minutes".to_owned(),
        ["approvals_per_group"] => "per_group".to_owned(),
        ["auto_approve"] => "auto_reads".to_owned(),
        ["guardrails"] => "guardrails".to_owned(),
        ["guardrails", place] | ["guardrails", place, "deny"] => format!("rule-{place}-use"),
        ["guardrails", place, "deny", member, ..] | ["guardrails", place, member, ..] => {
            format!("rule-{place}-{member}")
        }
        ["masking"] => "masking-enabled".to_owned(),
        ["masking", member, ..] => format!("masking-{member}"),
        other => other.first().copied().unwrap_or_default().to_owned(),
    }
}

/// One input.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Field<'a> {
    /// Its id, which is its name too.
    pub(crate) id: &'a str,
    /// What it is for.
    pub(crate) label: &'a str,
    /// What one should know; nothing if it is empty.
    pub(crate) hint: &'a str,
    /// What stands in it.
    pub(crate) value: &'a str,
    /// What could stand in it.
    pub(crate) example: &'a str,
}

impl Field<'_> {
    fn described(&self, wrong: &Wrong) -> Option<String> {
        described(self.id, !self.hint.is_empty(), wrong)
    }

    fn around(&self, wrong: &Wrong, input: Markup) -> Markup {
        html! {
            div.field {
                label for=(self.id) { (self.label) }
                @if !self.hint.is_empty() { p.hint id={ (self.id) "-hint" } { (self.hint) } }
                (input)
                (complaint(self.id, wrong))
            }
        }
    }
}

/// What tells more of a field, for who cannot see it.
pub(crate) fn described(id: &str, has_hint: bool, wrong: &Wrong) -> Option<String> {
    let hint = has_hint.then(|| format!("{id}-hint"));
    let complaint = wrong.at(id).map(|_| format!("{id}-wrong"));
    let all: Vec<String> = complaint.into_iter().chain(hint).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// What is wrong with a field, below it.
pub(crate) fn complaint(id: &str, wrong: &Wrong) -> Markup {
    html! { @if let Some(message) = wrong.at(id) { p.wrong id={ (id) "-wrong" } { (ticked(message)) } } }
}

/// `true` where something is wrong.
pub(crate) fn invalid(id: &str, wrong: &Wrong) -> Option<&'static str> {
    wrong.at(id).map(|_| "true")
}

/// A line of text.
pub(crate) fn line(wrong: &Wrong, field: Field<'_>) -> Markup {
    let input = html! {
        input id=(field.id) name=(field.id) type="text" value=(field.value) placeholder=[Some(field.example).filter(|example| !example.is_empty())]
            autocapitalize="off" autocomplete="off" spellcheck="false" aria-describedby=[field.described(wrong)] aria-invalid=[invalid(field.id, wrong)];
    };
    field.around(wrong, input)
}

/// A whole number. What is none is kept as it was typed, so it is no input of the type `number`.
pub(crate) fn number(wrong: &Wrong, field: Field<'_>) -> Markup {
    let input = html! {
        input id=(field.id) name=(field.id) type="text" inputmode="numeric" value=(field.value) placeholder=[Some(field.example).filter(|example| !example.is_empty())]
            autocomplete="off" aria-describedby=[field.described(wrong)] aria-invalid=[invalid(field.id, wrong)];
    };
    field.around(wrong, input)
}

/// A text of several lines.
pub(crate) fn area(wrong: &Wrong, field: Field<'_>, rows: u8) -> Markup {
    let input = html! {
        textarea id=(field.id) name=(field.id) rows=(rows) placeholder=[Some(field.example).filter(|example| !example.is_empty())]
            autocapitalize="off" autocomplete="off" spellcheck="false" aria-describedby=[field.described(wrong)] aria-invalid=[invalid(field.id, wrong)] {
            "\n" (field.value)
        }
    };
    field.around(wrong, input)
}

/// A box to tick.
pub(crate) fn tick(name: &str, ticked: bool, label: &str, small: &str) -> Markup {
    html! {
        label.tick {
            input id=(name) type="checkbox" name=(name) checked[ticked];
            span { (label) @if !small.is_empty() { small { (small) } } }
        }
    }
}

/// A list as a browser gives it back: one entry a line.
pub(crate) fn lines_of<S: AsRef<str>>(list: &[S]) -> String {
    let lines: Vec<&str> = list.iter().map(AsRef::as_ref).collect();
    lines.join("\n").replace("\r\n", "\n").replace('\r', "\n")
}

/// The other way round. Where the lines are those of `was`, it is `was`: lines cannot say everything.
pub(crate) fn listed(text: &str, was: Option<&[String]>) -> Vec<String> {
    if let Some(was) = was.filter(|was| lines_of(was) == text) {
        return was.to_vec();
    }
    text.split('\n').filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// A text as a browser gives it back from an input of one line.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], "").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_finds_its_field() {
        for (pointer, id) in [
            ("/target/base_url", "target-base_url"),
            ("/target", "kind"),
            ("/guardrails/3", "rule-3-use"),
            ("/guardrails/3/deny", "rule-3-use"),
            ("/guardrails/3/name", "rule-3-name"),
            ("/guardrails/3/deny/table/1", "rule-3-table"),
            ("/masking/columns/0", "masking-columns"),
            ("/secret", "secret"),
            ("/timeout_seconds", "timeout_minutes"),
        ] {
            let wrong = Wrong::of(&Problem::invalid("no").at(pointer, "this one"));
            assert_eq!(wrong.at(id), Some("this one"), "{pointer}");
        }
    }

    #[test]
    fn what_lines_cannot_say_is_kept_while_they_stay_the_same() {
        let was = vec!["a\nb".to_owned(), " c ".to_owned(), String::new()];
        let shown = lines_of(&was);
        assert_eq!(listed(&shown, Some(&was)), was);
        assert_eq!(listed(&format!("{shown}d"), Some(&was)), ["a", "b", " c ", "d"]);
    }
}
