//! Columns of the lists: what stands in a CSV and what a person sees.

use serde_json::Value;

use super::line::{Line, Tone};
use super::safe;
use super::table::Head;

/// A column over items of the service.
pub(crate) struct Column {
    /// The member's name, also the head in a CSV; `a.b` reaches into an object.
    pub(crate) name: &'static str,
    title: &'static str,
    shrinks: bool,
    dispensable: u8,
    person: Option<fn(&Value) -> Line>,
}

impl Column {
    /// A column for CSV alone.
    pub(crate) const fn data(name: &'static str) -> Self {
        Self { name, title: "", shrinks: false, dispensable: 0, person: None }
    }

    /// A column for people too.
    pub(crate) const fn shown(name: &'static str, title: &'static str) -> Self {
        Self { name, title, shrinks: false, dispensable: 0, person: None }
    }

    /// A column for people too, which may be cut to fit.
    pub(crate) const fn cut(name: &'static str, title: &'static str) -> Self {
        Self { name, title, shrinks: true, dispensable: 0, person: None }
    }

    /// Drawn for people by that function, which gets the whole item.
    pub(crate) const fn drawn(mut self, person: fn(&Value) -> Line) -> Self {
        self.person = Some(person);
        self
    }

    /// Left out of narrow tables, the greatest `order` first.
    pub(crate) const fn spared(mut self, order: u8) -> Self {
        self.dispensable = order;
        self
    }

    /// Whether people see it.
    pub(crate) fn in_table(&self) -> bool {
        !self.title.is_empty()
    }

    /// Its head.
    pub(crate) fn head(&self) -> Head {
        Head { title: self.title, shrinks: self.shrinks, dispensable: self.dispensable }
    }

    /// The value as text, as it stands in a CSV: lists joined by spaces, null empty.
    pub(crate) fn plain(&self, item: &Value) -> String {
        let value = self.name.split('.').try_fold(item, |value, part| value.get(part));
        text_of(value.unwrap_or(&Value::Null))
    }

    /// The cell that people see.
    pub(crate) fn cell(&self, item: &Value) -> Line {
        match self.person {
            Some(draw) => draw(item),
            None => Line::of(Tone::Plain, safe::line(&self.plain(item))),
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(" "),
        // Of a person, the address is what one wants to read.
        Value::Object(members) => match members.get("email") {
            Some(Value::String(email)) => email.clone(),
            _ => value.to_string(),
        },
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A member that holds text.
pub(crate) fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A member that holds a list of texts, joined for people.
pub(crate) fn names(item: &Value, name: &str) -> String {
    let items = item.get(name).and_then(Value::as_array);
    let names: Vec<String> = items.into_iter().flatten().map(|name| safe::line(&text_of(name))).collect();
    names.join(", ")
}
