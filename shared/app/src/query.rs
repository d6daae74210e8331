//! Query strings, as strict as bodies: an unknown or repeated parameter is refused.

use std::str::FromStr;

use countersign_http::Problem;
use countersign_http::json::List;
use countersign_rules::{ConnectionName, GroupName, RequestId, Status, Timestamp, UserId};
use serde::de::{DeserializeOwned, IntoDeserializer};
use utoipa::IntoParams;

use crate::page::{Filter, GroupFilter};

/// The parameters of a call.
pub struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads a query string that may name only `known` parameters, and those of `many` repeatedly.
    ///
    /// # Errors
    /// 400 if it is otherwise.
    pub fn read(raw: Option<&str>, known: &[&str], many: &[&str]) -> Result<Self, Problem> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(raw.unwrap_or_default())
            .map_err(|error| Problem::bad_request(format!("the query string cannot be read: {error}")))?;
        for (position, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let detail = format!("unknown parameter `{name}`, expected one of: {}", known.join(", "));
                return Err(Problem::bad_request(detail));
            }
            let earlier = pairs.iter().take(position).any(|(before, _)| before == name);
            if earlier && !many.contains(&name.as_str()) {
                return Err(Problem::bad_request(format!("the parameter `{name}` came twice")));
            }
        }
        Ok(Self { pairs })
    }

    /// Reads a query string of somebody else's making: it may name what it likes.
    ///
    /// # Errors
    /// 400 if it cannot be read.
    pub fn read_any(raw: Option<&str>) -> Result<Self, Problem> {
        let pairs = serde_urlencoded::from_str(raw.unwrap_or_default())
            .map_err(|error| Problem::bad_request(format!("the query string cannot be read: {error}")))?;
        Ok(Self { pairs })
    }

    /// The same where dates stand for the instants at which they begin in UTC: what a form sends.
    pub fn with_days(mut self) -> Self {
        for (name, value) in &mut self.pairs {
            if matches!(name.as_str(), "from" | "to") && value.len() == 10 {
                value.push_str("T00:00:00Z");
            }
        }
        self
    }

    /// The address of the same with another value of one parameter.
    pub fn to(&self, path: &str, name: &str, value: &str) -> String {
        let others = self.pairs.iter().filter(|(key, value)| key != name && !value.is_empty());
        let mut pairs: Vec<(&str, &str)> =
            others.map(|(key, value)| (key.as_str(), value.as_str())).collect();
        pairs.push((name, value));
        format!("{path}?{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
    }

    /// The address of the same without one parameter.
    #[must_use]
    pub fn without(&self, path: &str, name: &str) -> String {
        let others = self.pairs.iter().filter(|(key, value)| key != name && !value.is_empty());
        let query = serde_urlencoded::to_string(others.collect::<Vec<_>>()).unwrap_or_default();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// The values of a parameter; one that is empty counts as not given.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let matching = self.pairs.iter().filter(move |(key, value)| key == name && !value.is_empty());
        matching.map(|(_, value)| value.as_str())
    }

    /// The first value of a parameter.
    #[must_use]
    pub fn text<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).next()
    }

    /// A parameter that is read by its type.
    ///
    /// # Errors
    /// 400 if it cannot be.
    pub fn parsed<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|error: T::Err| Problem::bad_request(format!("the parameter `{name}`: {error}")))
        };
        self.text(name).map(parse).transpose()
    }

    /// A parameter that is one of a few words.
    ///
    /// # Errors
    /// 400 if it is another one.
    pub fn word<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Problem> {
        let read = |text: &str| {
            T::deserialize(IntoDeserializer::<serde::de::value::Error>::into_deserializer(text))
                .map_err(|error| Problem::bad_request(format!("the parameter `{name}`: {error}")))
        };
        self.text(name).map(read).transpose()
    }

    /// A parameter that is an instant.
    ///
    /// # Errors
    /// 400 if it is none.
    pub fn instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let parse = |text: &str| {
            Timestamp::parse_rfc3339(text).ok_or_else(|| {
                Problem::bad_request(format!(
                    "the parameter `{name}` must be RFC 3339, such as `2026-11-23T04:05:06Z`"
                ))
            })
        };
        self.text(name).map(parse).transpose()
    }

    /// `limit`: 1 to 200, 50 if not given.
    ///
    /// # Errors
    /// 400 if it is anything else.
    pub fn limit(&self) -> Result<usize, Problem> {
        match self.parsed::<usize>("limit")? {
            None => Ok(50),
            Some(limit) if (1..=200).contains(&limit) => Ok(limit),
            Some(limit) => {
                Err(Problem::bad_request(format!("`limit` must be between 1 and 200, got {limit}")))
            }
        }
    }

    /// A page of a list that is all in memory, in the order of its keys: what comes behind `cursor`.
    ///
    /// # Errors
    /// 400 if the cursor is no key.
    pub fn page<T, K: Ord + FromStr<Err: std::fmt::Display> + ToString>(
        &self,
        all: Vec<T>,
        limit: usize,
        key: impl Fn(&T) -> K,
    ) -> Result<List<T>, Problem> {
        let after: Option<K> = self.parsed("cursor")?;
        let behind = |item: &T| after.as_ref().is_none_or(|after| key(item) > *after);
        let mut items: Vec<T> = all.into_iter().filter(behind).collect();
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|item| key(item).to_string());
        Ok(List { items, next_cursor })
    }

    /// `cursor`, in a list of requests.
    ///
    /// # Errors
    /// 400 if it is no request.
    pub fn cursor(&self) -> Result<Option<RequestId>, Problem> {
        let wrong = |_| Problem::bad_request("`cursor` must be the `next_cursor` of the page before");
        self.text("cursor").map(|text| text.parse().map_err(wrong)).transpose()
    }

    /// The filters of a list of requests.
    ///
    /// # Errors
    /// 400 if one of them cannot be read.
    pub fn filter(&self) -> Result<Filter, Problem> {
        let mut filter = Filter {
            connection: self.parsed("connection")?,
            requester: self.parsed("requester")?,
            from: self.instant("from")?,
            to: self.instant("to")?,
            text: self.text("q").map(str::to_owned),
            ..Filter::default()
        };
        for status in self.all("status") {
            let status = status.parse().map_err(|error: countersign_rules::request::InvalidStatus| {
                Problem::bad_request(error.to_string())
            })?;
            filter.statuses.insert(status);
        }
        filter.group = match self.text("group") {
            None => None,
            Some("mine") => Some(GroupFilter::Mine),
            Some(_) => self.parsed("group")?.map(GroupFilter::Named),
        };
        Ok(filter)
    }
}

/// What [`Query::filter`] reads, for the OpenAPI document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description")]
pub struct Filters {
    /// Only these statuses; may repeat.
    status: Option<Vec<Status>>,
    /// Only on that connection.
    connection: Option<ConnectionName>,
    /// Only of that requester.
    requester: Option<UserId>,
    /// Only what that group reviews; `mine` is what waits for you.
    group: Option<GroupName>,
    /// Not submitted before.
    from: Option<Timestamp>,
    /// Submitted before.
    to: Option<Timestamp>,
    /// Only where command, reason or code contain that text, in any case.
    q: Option<String>,
}

/// The parameters by which a list of requests is filtered.
pub const FILTERS: [&str; 9] =
    ["status", "connection", "requester", "group", "from", "to", "q", "limit", "cursor"];
