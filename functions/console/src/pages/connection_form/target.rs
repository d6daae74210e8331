//! What a connection runs against: the fields of its kind.

use countersign_http::Problem;
use countersign_storage::Connection;
use countersign_targets::Caps;
use countersign_web::form::Form;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::Draft;
use crate::pages::fields::{
    Field, Wrong, area, complaint, described, invalid, line, lines_of, listed, number, one_line,
};

/// The kinds, and what they are called.
const KINDS: [(&str, &str); 5] = [
    ("postgres", "PostgreSQL"),
    ("mysql", "MySQL or MariaDB"),
    ("sqlite", "SQLite"),
    ("http", "HTTP service"),
    ("runner", "Program on a machine of yours (runner)"),
];

/// How a member of `target` is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Line,
    Text,
    Lines,
    Headers,
    Number,
}

/// A member of `target`: its name, the kinds that have it, and how it is written.
struct Member {
    name: &'static str,
    kinds: &'static str,
    form: Shape,
    label: &'static str,
    hint: &'static str,
    example: &'static str,
}

const EVERY: &str = "postgres mysql sqlite http runner";

const MEMBERS: [Member; 11] = [
    Member {
        name: "path",
        kinds: "sqlite",
        form: Shape::Line,
        label: "Path of the file",
        hint: "Below the folder that the deployment allows.",
        example: "demo.db",
    },
    Member {
        name: "base_url",
        kinds: "http",
        form: Shape::Line,
        label: "Base URL",
        hint: "Scheme, host and the beginning of the path of every call.",
        example: "https://api.example.com/v1",
    },
    Member {
        name: "headers",
        kinds: "http",
        form: Shape::Headers,
        label: "Headers of every call",
        hint: "One a line. They are no secret: a token is the connection's secret.",
        example: "X-Team: db",
    },
    Member {
        name: "allow",
        kinds: "http",
        form: Shape::Lines,
        label: "Private networks that may be reached",
        hint: "One a line. None: only public addresses.",
        example: "10.1.0.0/16",
    },
    Member {
        name: "program",
        kinds: "runner",
        form: Shape::Lines,
        label: "Program and its arguments",
        hint: "One a line. The command is its standard input; no shell looks at the arguments.",
        example: "bash",
    },
    Member {
        name: "runner",
        kinds: "runner",
        form: Shape::Line,
        label: "Which runner",
        hint: "For people: who may run it is a matter of tokens.",
        example: "ops-1",
    },
    Member {
        name: "application_name",
        kinds: "postgres",
        form: Shape::Line,
        label: "Application name",
        hint: "What the server shows in pg_stat_activity.",
        example: "countersign",
    },
    Member {
        name: "ca_pem",
        kinds: "postgres mysql",
        form: Shape::Text,
        label: "Certificates that alone may sign the server's",
        hint: "PEM. None: those that the system trusts.",
        example: "-----BEGIN CERTIFICATE-----",
    },
    Member {
        name: "statement_timeout_seconds",
        kinds: EVERY,
        form: Shape::Number,
        label: "A command may take, in seconds",
        hint: "",
        example: "300",
    },
    Member {
        name: "max_rows",
        kinds: EVERY,
        form: Shape::Number,
        label: "Rows that are kept",
        hint: "",
        example: "100000",
    },
    Member {
        name: "max_bytes",
        kinds: EVERY,
        form: Shape::Number,
        label: "Bytes that are kept",
        hint: "",
        example: "10485760",
    },
];

impl Member {
    fn is_of(&self, kind: &str) -> bool {
        self.kinds.split(' ').any(|one| one == kind)
    }

    fn id(&self) -> String {
        format!("target-{}", self.name)
    }

    /// A value as a browser gives it back.
    fn shown(&self, value: &Value) -> String {
        let texts = || value.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
        match self.form {
            Shape::Line => one_line(value.as_str().unwrap_or_default()),
            Shape::Text => lines_of(&[value.as_str().unwrap_or_default()]),
            Shape::Lines => lines_of(&texts()),
            Shape::Headers => {
                let pairs = value.as_object().into_iter().flatten();
                let lines =
                    pairs.map(|(name, value)| format!("{name}: {}", value.as_str().unwrap_or_default()));
                lines_of(&lines.collect::<Vec<_>>())
            }
            Shape::Number => value.to_string(),
        }
    }

    /// The other way round; nothing if nothing was written.
    fn value(&self, text: &str) -> Result<Option<Value>, Problem> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let at = format!("/target/{}", self.name);
        let value = match self.form {
            Shape::Line | Shape::Text => text.into(),
            Shape::Lines => listed(text, None).into(),
            Shape::Headers => {
                let mut headers = Map::new();
                for line in listed(text, None) {
                    let (name, value) = line.split_once(':').ok_or_else(|| {
                        let detail = format!("expected a header such as `X-Team: db`, got `{line}`");
                        Problem::invalid(detail.clone()).at(&at, detail)
                    })?;
                    headers.insert(name.trim().to_owned(), value.trim().into());
                }
                headers.into()
            }
            Shape::Number => {
                let number: u64 = text.trim().replace(['_', ',', ' '], "").parse().map_err(|_| {
                    let detail = format!("expected a whole number, got `{text}`");
                    Problem::invalid(detail.clone()).at(&at, detail)
                })?;
                number.into()
            }
        };
        Ok(Some(value))
    }
}

/// What stands in the fields, in the order of [`MEMBERS`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Target(Vec<String>);

impl Target {
    pub(super) fn of(target: &Value) -> Self {
        let shown =
            |member: &Member| target.get(member.name).map(|value| member.shown(value)).unwrap_or_default();
        Self(MEMBERS.iter().map(shown).collect())
    }

    pub(super) fn read(form: &Form) -> Self {
        let written = |member: &Member| match member.form {
            Shape::Line | Shape::Number => one_line(form.raw(&member.id())),
            Shape::Text | Shape::Lines | Shape::Headers => form.lines(&member.id()),
        };
        Self(MEMBERS.iter().map(written).collect())
    }

    fn text(&self, place: usize) -> &str {
        self.0.get(place).map(String::as_str).unwrap_or_default()
    }

    /// The document. What was not touched, and what has no field, stays what it was.
    pub(super) fn value(&self, kind: &str, before: Option<&Connection>) -> Result<Value, Problem> {
        let before = before.filter(|before| before.kind == kind).map(|before| &before.target);
        let was = before.map(Self::of);
        let mut target = before.and_then(Value::as_object).cloned().unwrap_or_default();
        for (place, member) in MEMBERS.iter().enumerate().filter(|(_, member)| member.is_of(kind)) {
            if was.as_ref().is_some_and(|was| was.text(place) == self.text(place)) {
                continue;
            }
            match member.value(self.text(place))? {
                Some(value) => target.insert(member.name.to_owned(), value),
                None => target.remove(member.name),
            };
        }
        Ok(Value::Object(target))
    }
}

/// The section.
pub(super) fn section(is_new: bool, draft: &Draft, wrong: &Wrong) -> Markup {
    let caps = Caps::default();
    let limits = format!(
        "Where nothing is written: {} seconds, {} rows, {} bytes.",
        caps.statement_timeout_ms / 1000,
        caps.max_rows,
        caps.max_bytes
    );
    html! {
        section.card aria-labelledby="target-h" {
            h2 #target-h { "Target" }
            div.fields {
                @if is_new {
                    (line(wrong, Field { id: "name", label: "Name", value: &draft.name, example: "prod-db", hint: "" }))
                }
                div.field {
                    label for="kind" { "Kind" }
                    select #kind name="kind" aria-describedby=[described("kind", false, wrong)] aria-invalid=[invalid("kind", wrong)] {
                        @for (kind, name) in KINDS { option value=(kind) selected[draft.kind == kind] { (name) } }
                        @if !KINDS.iter().any(|(kind, _)| *kind == draft.kind) { option value=(draft.kind) selected { (draft.kind) } }
                    }
                    (complaint("kind", wrong))
                }
            }
            div.of-kind data-for="postgres mysql http" {
                (line(wrong, Field {
                    id: "secret", label: "Secret", value: &draft.secret, example: "env:PROD_DB_URL",
                    hint: "A reference, never the secret itself. A database's is its URL: user, password, host, port, database and TLS stand there.",
                }))
            }
            @for (place, member) in MEMBERS.iter().enumerate().filter(|(_, member)| member.kinds != EVERY) {
                div.of-kind data-for=(member.kinds) { (input(member, draft.target.text(place), wrong)) }
            }
            details.box open[wrong.within("target-max") || wrong.within("target-statement")] {
                summary { "Limits of a run" }
                p.hint { (limits) }
                div.fields {
                    @for (place, member) in MEMBERS.iter().enumerate().filter(|(_, member)| member.kinds == EVERY) {
                        (input(member, draft.target.text(place), wrong))
                    }
                }
            }
            div.of-kind data-for="postgres mysql" {
                (line(wrong, Field {
                    id: "estimate_secret", label: "Secret for estimates", value: &draft.estimate_secret, example: "env:PROD_DB_ESTIMATE_URL",
                    hint: "With it reviewers are told how many rows a command would touch. The server plans the command and never runs it.",
                }))
            }
        }
    }
}

fn input(member: &Member, value: &str, wrong: &Wrong) -> Markup {
    let id = member.id();
    let field = Field { id: &id, label: member.label, hint: member.hint, value, example: member.example };
    match member.form {
        Shape::Line => line(wrong, field),
        Shape::Number => number(wrong, field),
        Shape::Text => area(wrong, field, 3),
        Shape::Lines | Shape::Headers => area(wrong, field, 2),
    }
}
