//! What is known of what a command does, for those who decide. Never a reason to run it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RiskLevel {
    /// It only looks.
    Low,
    /// It changes something that it names.
    Medium,
    /// It changes very much, or the structure, or the rights, or it could not be understood.
    High,
}

/// What a command does, as far as it could be understood.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Risk {
    /// How much can go wrong.
    pub level: RiskLevel,
    /// The kinds of its statements, such as `DELETE`.
    #[serde(default)]
    pub statements: Vec<String>,
    /// The tables that it names.
    #[serde(default)]
    pub tables: Vec<String>,
    /// What somebody should know before they decide, in plain words.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Why an approval cannot be limited to a number of rows; absent if it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_row_bound: Option<String>,
    /// How many rows it touches by the target's own guess, such as `about 1,204 rows of orders`.
    /// Not known when it is submitted: see [`Estimate`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<String>,
}

/// The rows of one table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct TableRows {
    /// As the target names it.
    pub table: String,
    /// About how many.
    pub rows: u64,
}

/// What a target guesses of the rows that a command touches. It decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimate {
    /// It is to be asked.
    Wanted,
    /// It was asked, and said this.
    Made(Vec<TableRows>),
}

impl Estimate {
    /// In words that give away no number: one significant digit, for callers who may not read the tables. Nothing
    /// if there is nothing to say.
    #[must_use]
    pub fn in_rough_words(tables: &[TableRows]) -> Option<String> {
        let parts: Vec<String> = tables.iter().map(TableRows::in_rough_words).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// In words; nothing if there is nothing to say.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        match self {
            Self::Wanted => None,
            Self::Made(tables) if tables.is_empty() => None,
            Self::Made(tables) => {
                let parts: Vec<String> = tables.iter().map(TableRows::in_words).collect();
                Some(format!("about {}", parts.join(", ")))
            }
        }
    }
}

impl TableRows {
    /// `about 1,000 rows of orders`, `fewer than 10 rows of orders`.
    fn in_rough_words(&self) -> String {
        let table = self.short_name();
        match self.rows {
            0..10 => format!("fewer than 10 rows of {table}"),
            rows => {
                let scale = 10_u64.pow(rows.ilog10());
                let rough = rows.div_euclid(scale).saturating_mul(scale);
                format!("about {} rows of {table}", thousands(rough))
            }
        }
    }

    /// The table without the schema that is on every search path.
    fn short_name(&self) -> &str {
        self.table.strip_prefix("public.").unwrap_or(&self.table)
    }

    /// `1,204 rows of orders`.
    fn in_words(&self) -> String {
        let table = self.short_name();
        let noun = if self.rows == 1 { "row" } else { "rows" };
        format!("{} {noun} of {table}", thousands(self.rows))
    }
}

/// `1,204`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What the guardrails say of a command at its submission.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// What it does, if anybody looked.
    pub risk: Option<Risk>,
    /// The rule that blocks it.
    pub block: Option<Block>,
    /// The rule that lets it through without votes; such a request runs read-only.
    pub ease: Option<String>,
    /// Whether the target shall be asked how many rows it touches.
    pub estimate: bool,
}

/// A rule that said no.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Block {
    /// Its name.
    pub rule: String,
    /// What the requester is told.
    pub message: String,
}

/// What the guardrails say of a command at the claim, by the connection as it is then.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guard {
    /// The rule that blocks it now.
    pub blocked_by: Option<String>,
    /// Whether a rule would let it through without votes now.
    pub eased: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rough_estimate_gives_away_one_digit() {
        let rough = |rows| {
            Estimate::in_rough_words(&[TableRows { table: "public.orders".to_owned(), rows }]).unwrap()
        };
        for (rows, words) in [
            (0, "fewer than 10 rows of orders"),
            (9, "fewer than 10 rows of orders"),
            (10, "about 10 rows of orders"),
            (1_999, "about 1,000 rows of orders"),
            (u64::MAX, "about 10,000,000,000,000,000,000 rows of orders"),
        ] {
            assert_eq!(rough(rows), words);
        }
        assert_eq!(Estimate::in_rough_words(&[]), None);
    }

    #[test]
    fn an_estimate_reads_as_people_say_it() {
        let rows = |table: &str, rows| TableRows { table: table.to_owned(), rows };
        let made = Estimate::Made(vec![rows("public.orders", 1_204), rows("shop.items", 1)]);
        assert_eq!(made.in_words().as_deref(), Some("about 1,204 rows of orders, 1 row of shop.items"));
        assert_eq!(Estimate::Made(Vec::new()).in_words(), None);
        assert_eq!(Estimate::Wanted.in_words(), None);
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(thousands(number), text);
        }
    }
}
