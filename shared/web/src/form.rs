//! Forms, read as strictly as bodies.

use countersign_http::Problem;
use http::HeaderMap;
use http::header::CONTENT_TYPE;

/// The name of the field that every form carries.
pub const CSRF: &str = "csrf";

/// The fields of a form, in their order. A field that repeats is a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    fields: Vec<(String, String)>,
}

impl Form {
    /// Reads a body.
    ///
    /// # Errors
    /// 415 if it is no form, 400 if it cannot be read.
    pub fn read(headers: &HeaderMap, bytes: &[u8]) -> Result<Self, Problem> {
        if !is_form(headers) {
            return Err(Problem::unsupported_media_type());
        }
        let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(bytes)
            .map_err(|error| Problem::bad_request(format!("the form cannot be read: {error}")))?;
        Ok(Self { fields })
    }

    /// The values of a field as they were sent, spaces and line ends included.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of a field as it was sent; empty if it is not there.
    #[must_use]
    pub fn raw(&self, name: &str) -> &str {
        self.fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The value of a field without spaces around it, if it is there and not empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        Some(self.raw(name).trim()).filter(|text| !text.is_empty())
    }

    /// Whether a box was ticked.
    #[must_use]
    pub fn is_ticked(&self, name: &str) -> bool {
        self.fields.iter().any(|(key, _)| key == name)
    }

    /// A number, if there is one.
    ///
    /// # Errors
    /// 422 if it is none.
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        let wrong = |text: &str| {
            Problem::invalid(format!("expected a whole number, got `{text}`"))
                .at(&format!("/{name}"), "no number")
        };
        self.text(name).map(|text| text.parse().map_err(|_| wrong(text))).transpose()
    }

    /// A text of several lines as its author wrote it: browsers send every line end as CR LF.
    #[must_use]
    pub fn lines(&self, name: &str) -> String {
        self.raw(name).replace("\r\n", "\n")
    }
}

/// Whether a call carries a form.
#[must_use]
pub fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}
