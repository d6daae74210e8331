//! Which tables' columns stand behind the columns of a result.
//!
//! The server's answer to a prepared statement has the table's OID and the column's number; their
//! names come from the catalog. **If the catalog cannot be asked, the statement is not run**: what
//! is masked by its source would come out otherwise.

use crate::ColumnSource;
use std::collections::BTreeMap;
use tokio_postgres::{Client, Column, Error, SimpleQueryMessage};

/// A table's OID and a column's number.
type Place = (u32, i16);

/// The names found so far in this run.
#[derive(Default)]
pub(super) struct Sources(BTreeMap<Place, ColumnSource>);

impl Sources {
    /// The source of each column, by one query for those that were not met before.
    pub(super) async fn of(
        &mut self,
        client: &Client,
        columns: &[Column],
    ) -> Result<Vec<Option<ColumnSource>>, Error> {
        let places: Vec<Option<Place>> = columns.iter().map(place).collect();
        let unknown: Vec<Place> =
            places.iter().flatten().filter(|place| !self.0.contains_key(place)).copied().collect();
        if !unknown.is_empty() {
            self.learn(client, &unknown).await?;
        }
        Ok(places.iter().map(|place| place.and_then(|place| self.0.get(&place).cloned())).collect())
    }

    async fn learn(&mut self, client: &Client, places: &[Place]) -> Result<(), Error> {
        let pairs: Vec<String> =
            places.iter().map(|(table, number)| format!("({table}, {number})")).collect();
        // Every name is qualified: the command may have set a search path of its own.
        let query = format!(
            "SELECT a.attrelid, a.attnum, n.nspname, c.relname, a.attname \
             FROM (VALUES {}) AS p(attrelid, attnum) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) p.attrelid::pg_catalog.oid \
             AND a.attnum OPERATOR(pg_catalog.=) p.attnum::pg_catalog.int2 \
             JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) a.attrelid \
             JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace",
            pairs.join(", ")
        );
        for message in client.simple_query(&query).await? {
            let SimpleQueryMessage::Row(row) = message else { continue };
            let number = |index| row.get(index).unwrap_or_default();
            if let [Ok(table), Ok(number)] = [number(0).parse::<u32>(), number(1).parse::<u32>()]
                && let (Ok(number), Some(schema), Some(name), Some(column)) =
                    (i16::try_from(number), row.get(2), row.get(3), row.get(4))
            {
                let source = ColumnSource { table: format!("{schema}.{name}"), column: column.to_owned() };
                self.0.insert((table, number), source);
            }
        }
        Ok(())
    }
}

/// Where a column comes from. System columns have numbers below 1, and hold nobody's data.
fn place(column: &Column) -> Option<Place> {
    let number = column.column_id().filter(|number| *number > 0)?;
    column.table_oid().map(|table| (table, number))
}
