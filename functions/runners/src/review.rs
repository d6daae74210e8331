//! What a runner hands in is looked at again: it should be masked already, and nothing of it may be what a
//! guardrail of the connection withholds.

use std::collections::BTreeMap;

use countersign_app::guard;
use countersign_guardrails::RuleSet;
use countersign_http::Problem;
use countersign_masking::{ColumnInfo, Counts, Masker, MaskingPolicy, RowMasker, Style};
use countersign_storage::Connection;
use countersign_targets::Column;
use http::StatusCode;

/// The columns of a program's output.
pub(crate) fn columns() -> Vec<Column> {
    let column = |name: &str| Column { name: name.to_owned(), type_name: "text".to_owned(), source: None };
    vec![column("stream"), column("line")]
}

/// Looks at output again.
pub(crate) struct Review {
    masker: Masker,
    rows: RowMasker,
    rules: RuleSet,
    /// What the runner should have masked.
    pub(crate) found: Counts,
}

impl Review {
    pub(crate) fn of(connection: &Connection) -> Result<Self, Problem> {
        let unusable = |error: String| {
            tracing::error!(%error, connection = %connection.name, "review of a runner's output");
            Problem::internal()
        };
        // The key of the style `hash` is the runner's: what it has let through is replaced.
        let policy =
            MaskingPolicy { style: Style::Replace, styles: BTreeMap::new(), ..connection.masking.clone() };
        let masker = Masker::new(&policy, None).map_err(|error| unusable(error.to_string()))?;
        let info = |column: Column| ColumnInfo { name: column.name, ..ColumnInfo::default() };
        let rows = masker.row_masker(&columns().into_iter().map(info).collect::<Vec<_>>());
        let rules = guard::rules(connection).map_err(unusable)?;
        Ok(Self { masker, rows, rules, found: Counts::default() })
    }

    /// A row as it may be kept.
    pub(crate) fn row(&mut self, stream: &str, line: String) -> Result<Vec<Option<String>>, Problem> {
        if let Some(hit) = self.rules.check_output(&line) {
            let detail = format!("the guardrail `{}` withholds this output: {}", hit.rule, hit.message);
            let title = "Nobody may see this output";
            let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "output-withheld", title, detail);
            return Err(problem.with("rule", hit.rule));
        }
        let row = vec![Some(stream.to_owned()), Some(line)];
        self.rows.mask(row, &mut self.found).map_err(|error| {
            tracing::error!(%error, "review of a runner's output");
            Problem::internal()
        })
    }

    /// A message as it may be kept.
    pub(crate) fn message(&mut self, text: &str) -> Result<String, Problem> {
        self.masker.message(text, &mut self.found).map_err(|error| {
            tracing::error!(%error, "review of a runner's message");
            Problem::internal()
        })
    }
}
