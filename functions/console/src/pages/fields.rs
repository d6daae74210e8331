//! The inputs of forms: each with its label, its hint, and what is wrong with it.

use std::collections::BTreeMap;

use axum::response::Response;
use countersign_http::Problem;
use countersign_web::form::Form;
use countersign_web::layout::{sentence, ticked};
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
        let detail = text(&body, "detail");
        // Whoever reads it at the field has nothing else before them: a word or two tell them little.
        let said = |message: String| match errors.len() == 1 && message.split(' ').count() < 3 {
            true => detail.clone(),
            false => message,
        };
        let at = errors.iter().map(|error| (id_of(&text(error, "pointer")), said(text(error, "message"))));
        let at = at.collect();
        Self { detail, at }
    }

    /// What a problem says that names its field only in words: `names` are the fields that there are.
    pub(crate) fn about(problem: &Problem, names: &[&str]) -> Self {
        let detail = problem.detail().to_owned();
        let names = names.iter().filter(|name| detail.contains(&format!("`{name}`")));
        let at = names.map(|name| ((*name).to_owned(), detail.clone())).collect();
        Self { detail, at }
    }

    /// With what another problem says besides.
    pub(crate) fn with(mut self, other: Option<&Problem>) -> Self {
        self.at.extend(other.map(|other| Self::of(other).at).unwrap_or_default());
        self
    }

    /// The same where fields have other ids than the document has members.
    pub(crate) fn renamed(mut self, ids: &[(&str, &str)]) -> Self {
        for (member, id) in ids {
            if let Some(message) = self.at.remove(*member) {
                self.at.insert((*id).to_owned(), message);
            }
        }
        self
    }

    /// What is wrong with a field.
    pub(crate) fn at(&self, id: &str) -> Option<&str> {
        self.at.get(id).map(String::as_str)
    }

    /// Whether anything is wrong with a field whose id begins so.
    pub(crate) fn within(&self, prefix: &str) -> bool {
        self.at.keys().any(|id| id.starts_with(prefix))
    }

    /// Above the form: what is wrong, and the way there; nothing if nothing is.
    pub(crate) fn notice(&self, what: &str) -> Markup {
        html! {
            @if !self.detail.is_empty() {
                div.notice.bad role="alert" {
                    strong { (what) } " "
                    @match self.at.len() {
                        0 => (ticked(&sentence(&self.detail))),
                        1 => @for id in self.at.keys() { a href={ "#" (id) } { (ticked(&sentence(&self.detail))) } },
                        _ => ul { @for (id, message) in &self.at { li { a href={ "#" (id) } { (ticked(&sentence(message))) } } } },
                    }
                }
            }
        }
    }
}

/// A form as it was typed, where it could not be taken; else it shows what is stored.
#[derive(Debug, Clone, Default)]
pub(crate) struct Typed<'a> {
    form: Option<&'a Form>,
    /// What is wrong with it.
    pub(crate) wrong: Wrong,
}

impl<'a> Typed<'a> {
    /// What was typed, and why it could not be taken. What whoever typed it cannot mend is no matter of the
    /// form.
    ///
    /// # Errors
    /// The problem itself, then.
    pub(crate) fn refused(form: &'a Form, problem: Problem) -> Result<Self, Problem> {
        use http::StatusCode as Code;
        match problem.status() {
            Code::BAD_REQUEST | Code::CONFLICT | Code::PRECONDITION_FAILED | Code::UNPROCESSABLE_ENTITY => {
                Ok(Self { form: Some(form), wrong: Wrong::of(&problem) })
            }
            _ => Err(problem),
        }
    }

    /// The same where fields have other ids than the document has members.
    pub(crate) fn with_ids(mut self, ids: &[(&str, &str)]) -> Self {
        self.wrong = self.wrong.renamed(ids);
        self
    }

    /// Whether it is what was typed.
    pub(crate) fn is_refused(&self) -> bool {
        self.form.is_some()
    }

    /// A text.
    pub(crate) fn text(&self, name: &str, stored: impl AsRef<str>) -> String {
        self.form.map_or_else(|| stored.as_ref().to_owned(), |form| form.raw(name).to_owned())
    }

    /// A text of several lines.
    pub(crate) fn lines(&self, name: &str, stored: impl AsRef<str>) -> String {
        self.form.map_or_else(|| stored.as_ref().to_owned(), |form| form.lines(name))
    }

    /// A box.
    pub(crate) fn ticked(&self, name: &str, stored: bool) -> bool {
        self.form.map_or(stored, |form| form.is_ticked(name))
    }

    /// One of several boxes of that name, or one of a menu.
    pub(crate) fn has(&self, name: &str, value: &str, stored: bool) -> bool {
        self.form.map_or(stored, |form| form.all(name).any(|one| one == value))
    }

    /// The page with it, with the status that says that nothing was taken.
    pub(crate) fn on(&self, mut page: Response) -> Response {
        if self.form.is_some() {
            *page.status_mut() = http::StatusCode::UNPROCESSABLE_ENTITY;
        }
        page
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
        ["guardrails", place] | ["guardrails", place, "deny" | "only"] => format!("rule-{place}-use"),
        ["guardrails", place, "deny" | "only", member, ..] | ["guardrails", place, member, ..] => {
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
    html! { @if let Some(message) = wrong.at(id) { p.wrong id={ (id) "-wrong" } { (ticked(&sentence(message))) } } }
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
            ("/guardrails/3/only", "rule-3-use"),
            ("/guardrails/3/only/commands/1", "rule-3-commands"),
            ("/masking/columns/0", "masking-columns"),
            ("/secret", "secret"),
            ("/timeout_seconds", "timeout_minutes"),
        ] {
            let wrong = Wrong::of(&Problem::invalid("no").at(pointer, "this one is it"));
            assert_eq!(wrong.at(id), Some("this one is it"), "{pointer}");
        }
        let short = Wrong::of(&Problem::invalid("somebody else has it").at("/email", "taken"));
        assert_eq!(short.at("email"), Some("somebody else has it"), "the field says all of it");
    }

    #[test]
    fn what_was_typed_stays_where_it_could_not_be_taken() {
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", "application/x-www-form-urlencoded".parse().unwrap());
        let form = Form::read(&headers, b"url=x&event=b").unwrap();
        let stored = Typed::default();
        assert_eq!((stored.text("url", "y"), stored.ticked("enabled", true)), ("y".to_owned(), true));
        let typed = Typed::refused(&form, Problem::invalid("no address").at("/url", "none")).unwrap();
        assert_eq!((typed.text("url", "y"), typed.ticked("enabled", true)), ("x".to_owned(), false));
        assert!(typed.has("event", "b", false) && !typed.has("event", "a", true));
        assert_eq!(typed.wrong.clone().renamed(&[("url", "teams_url")]).at("teams_url"), Some("no address"));
        let notice = typed.wrong.notice("No:").into_string();
        assert!(notice.contains(r##"<a href="#url">No address.</a>"##), "{notice}");
        assert!(Typed::refused(&form, Problem::forbidden("you")).is_err());
    }

    #[test]
    fn what_lines_cannot_say_is_kept_while_they_stay_the_same() {
        let was = vec!["a\nb".to_owned(), " c ".to_owned(), String::new()];
        let shown = lines_of(&was);
        assert_eq!(listed(&shown, Some(&was)), was);
        assert_eq!(listed(&format!("{shown}d"), Some(&was)), ["a", "b", " c ", "d"]);
    }
}
