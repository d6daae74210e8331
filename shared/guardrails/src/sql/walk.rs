//! One statement, walked by the parser's visitor.

use super::{agree, condition, expr, functions, statement as sorts};
use crate::Dialect;
use crate::analysis::{Kind, Statement, TableName, Use};
use crate::condition::{Effort, Own};
use crate::names::quoted;
use core::ops::ControlFlow;
use sqlparser::ast::{
    self, AssignmentTarget, Delete, Expr, FromTable, Ident, JoinConstraint, JoinOperator, ObjectName,
    ObjectNamePart, OnInsert, Query, Select, Set, SetExpr, TableFactor, TableObject, TableWithJoins, Update,
    UpdateTableFromKind, Visit, Visitor,
};
use sqlparser::tokenizer::Location;
use std::collections::BTreeSet;

/// What the tree says.
pub(super) struct Walked {
    pub(super) found: Statement,
    /// The names that may stand where a table is expected, in lower case: tables with their schema, and names of WITH.
    pub(super) known: BTreeSet<String>,
    /// The first reserved word that the parser took for a name.
    pub(super) reserved: Option<Location>,
}

/// Analyses a statement.
pub(super) fn statement(parsed: &ast::Statement, dialect: Dialect, effort: &Effort) -> Walked {
    let (kind, verb) = sorts::classify(parsed);
    let mut walk = Walk {
        found: Statement::new(kind, verb.clone()),
        dialect,
        effort,
        with: with_names(parsed),
        outermost: true,
        explains: matches!(parsed, ast::Statement::Explain { analyze: false, .. }),
        reserved: None,
        withs: BTreeSet::new(),
    };
    if kind != Kind::Read {
        walk.found.not_read(format!("{verb} is not a read"));
    }
    // It never breaks off.
    let _ = parsed.visit(&mut walk);
    walk.found.settle();
    if !walk.explains {
        walk.found.changes_by_verb();
    }
    let mut known = walk.withs;
    known.extend(walk.found.tables.iter().map(ToString::to_string));
    Walked { found: walk.found, known, reserved: walk.reserved }
}

struct Walk<'a> {
    found: Statement,
    dialect: Dialect,
    effort: &'a Effort,
    /// Names of WITHs that hide no table of the same name.
    with: BTreeSet<String>,
    outermost: bool,
    explains: bool,
    reserved: Option<Location>,
    /// All names of WITH.
    withs: BTreeSet<String>,
}

impl Visitor for Walk<'_> {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &ast::Statement) -> ControlFlow<()> {
        if !std::mem::take(&mut self.outermost) {
            let (kind, verb) = sorts::classify(statement);
            if kind != Kind::Read {
                self.found.not_read(format!("it has {verb} inside"));
                if !self.explains {
                    self.found.act(kind, verb);
                    self.found.nested_writes |= kind == Kind::Write;
                }
            }
        }
        self.effects(statement);
        self.targets(statement);
        ControlFlow::Continue(())
    }

    fn pre_visit_ident(&mut self, ident: &Ident) -> ControlFlow<()> {
        if ident.quote_style.is_none()
            && agree::is_reserved(&ident.value, self.dialect)
            && !functions::is_known(&ident.value, self.dialect)
        {
            self.reserved.get_or_insert(ident.span.start);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let names = query.with.iter().flat_map(|with| &with.cte_tables);
        self.withs.extend(names.map(|table| table.alias.name.value.to_lowercase()));
        // `TABLE x`, which the parser's own walk leaves out.
        tables_of_body(&query.body, &mut self.found.tables);
        if let Some(why) = expr::query(query) {
            self.found.not_read(why);
        }
        if !query.locks.is_empty() {
            self.found.locks = true;
            self.found.note("locks the rows that it reads");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        if let Some(why) = expr::select(select) {
            self.found.not_read(why);
        }
        if select.into.is_some() {
            self.found.act(Kind::Definition, "SELECT INTO");
        }
        if !select.optimizer_hints.is_empty() {
            self.found.hides("it has hints to the server");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
        if !expr::is_calm_table(table) {
            self.found.not_read("it reads from something that is not known to only read");
        }
        match table {
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                functions::call(&mut self.found, name, self.dialect, true);
            }
            // SQLite runs table-valued functions that are named without brackets, too.
            TableFactor::Table { name, .. }
                if self.dialect == Dialect::Sqlite && dotted(name).to_lowercase().contains("pragma_") =>
            {
                functions::call(&mut self.found, name, self.dialect, true);
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
        let usage = match self.found.kind {
            Kind::Read | Kind::Write | Kind::Copy | Kind::Session => Use::Read,
            _ => Use::Written,
        };
        let table = table_name(relation, usage);
        if table.schema.is_none() && self.with.contains(&table.name) {
            return ControlFlow::Continue(());
        }
        if is_inner(&table, self.dialect) {
            self.found.not_read(format!(
                "it reads {}, which tells about passwords or other sessions",
                quoted(&table.name)
            ));
        }
        self.found.tables.push(table);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if !expr::is_calm(expr) {
            self.found.not_read("it has an expression that is not known to only read");
        }
        if let Expr::Function(function) = expr {
            functions::call(&mut self.found, &function.name, self.dialect, false);
        }
        ControlFlow::Continue(())
    }
}

impl Walk<'_> {
    /// The tables that a statement changes, also one inside of another: the parser's walk does not name all of them,
    /// and not how they are used.
    fn targets(&mut self, statement: &ast::Statement) {
        for mut target in targets(statement) {
            if self.explains {
                target.usage = Use::Read;
            }
            if target.usage == Use::Written && is_of_server(&target, self.dialect) {
                self.found.dangerous = true;
                self.found.act(Kind::Privilege, "WRITE CATALOG");
                self.found.note(format!("changes {}, a table of the server's own", quoted(&target.name)));
            }
            self.found.tables.push(target);
        }
    }

    fn effects(&mut self, statement: &ast::Statement) {
        let explains = self.explains;
        let found = &mut self.found;
        match statement {
            ast::Statement::Explain { analyze: true, .. } => {
                found.not_read("EXPLAIN ANALYZE runs the statement")
            }
            ast::Statement::Update(update) if !explains => {
                if update.or == Some(ast::SqliteOnConflict::Replace) {
                    found.act(Kind::Write, "DELETE");
                }
                let targets = update_targets(update);
                let what = format!("updates {}", names_of(&targets));
                let (own, joins) = own_of_update(update, &targets);
                changes(
                    found,
                    &what,
                    update.selection.as_ref(),
                    (&own, &joins),
                    self.dialect,
                    &targets,
                    self.effort,
                );
            }
            ast::Statement::Delete(delete) if !explains => {
                let targets = delete_targets(delete);
                let what = format!("deletes from {}", names_of(&targets));
                let (own, joins) = own_of_delete(delete, &targets);
                changes(
                    found,
                    &what,
                    delete.selection.as_ref(),
                    (&own, &joins),
                    self.dialect,
                    &targets,
                    self.effort,
                );
            }
            ast::Statement::Insert(insert) if !explains => {
                found.note(format!("inserts into {}", names_of(&targets(statement))));
                if matches!(insert.on, Some(OnInsert::DuplicateKeyUpdate(_))) {
                    found.act(Kind::Write, "UPDATE");
                }
                if let Some(OnInsert::OnConflict(conflict)) = &insert.on
                    && matches!(conflict.action, ast::OnConflictAction::DoUpdate(_))
                {
                    found.act(Kind::Write, "UPDATE");
                }
                if insert.replace_into || insert.or == Some(ast::SqliteOnConflict::Replace) {
                    // Rows of the same key are deleted.
                    found.act(Kind::Write, "DELETE");
                }
                if !matches!(insert.table, TableObject::TableName(_)) {
                    found.hides("it inserts into something that is not a table");
                }
            }
            ast::Statement::Truncate(_) => {
                found.unbounded = true;
                found.note(format!("empties {}", names_of(&targets(statement))));
            }
            ast::Statement::CreateTable(create) if create.or_replace => {
                found.act(Kind::Definition, "DROP TABLE");
                found.note("replaces a table and its rows");
            }
            ast::Statement::AlterTable(alter) => {
                for operation in &alter.operations {
                    let words = sorts::first_words(&operation.to_string());
                    match operation {
                        // Values that the new type cannot hold are cut or lost.
                        ast::AlterTableOperation::ModifyColumn { .. } => {
                            found.act(Kind::Definition, "MODIFY COLUMN");
                        }
                        ast::AlterTableOperation::ChangeColumn { .. } => {
                            found.act(Kind::Definition, "CHANGE COLUMN");
                        }
                        ast::AlterTableOperation::AlterColumn {
                            op: ast::AlterColumnOperation::SetDataType { .. },
                            ..
                        } => found.act(Kind::Definition, "ALTER COLUMN TYPE"),
                        ast::AlterTableOperation::DropColumn { .. } => {
                            found.act(Kind::Definition, "DROP COLUMN");
                        }
                        _ if words.starts_with("DROP") => found.act(Kind::Definition, words),
                        _ => {}
                    }
                }
            }
            ast::Statement::Set(Set::SetTransaction { .. }) => {}
            ast::Statement::Set(set) => {
                if !only_variables(set) {
                    found.hides("it changes a setting, which may change what other statements mean");
                }
                if is_global(set) {
                    found.dangerous = true;
                    found.act(Kind::Privilege, "SET GLOBAL");
                }
                if set.to_string().to_uppercase().contains("PASSWORD") {
                    found.act(Kind::Privilege, "SET PASSWORD");
                }
            }
            ast::Statement::Use(_) => found.hides("it changes the database that other statements mean"),
            ast::Statement::Execute { .. } => found.hides("it runs a prepared statement or a text"),
            ast::Statement::Call(function) => {
                let name = dotted(&function.name);
                found.calls_unknown(format!("it calls the procedure {}", quoted(&name)));
                found.note(format!("calls the procedure {}", quoted(&name)));
                found.functions.push(name);
            }
            ast::Statement::CreateFunction(_)
            | ast::Statement::CreateProcedure { .. }
            | ast::Statement::CreateTrigger(_) => {
                found.hides("it defines code that the guardrail does not look into");
            }
            ast::Statement::CreateVirtualTable { .. } => {
                found.calls_unknown("it makes a table of a module's own")
            }
            ast::Statement::AttachDatabase { .. } => {
                found.dangerous = true;
                found.hides("it opens another database file");
            }
            ast::Statement::Load { .. } | ast::Statement::Install { .. } => {
                found.dangerous = true;
                found.hides("it loads a library");
            }
            ast::Statement::LoadData { .. } => {
                found.dangerous = true;
                found.note("copies from a file");
            }
            ast::Statement::Kill { .. } => {
                found.dangerous = true;
                found.note("ends another session or its statement");
            }
            ast::Statement::Pragma { name, value, .. } => pragma(found, &dotted(name), value.is_some()),
            ast::Statement::Vacuum(vacuum) if vacuum.to_string().to_uppercase().contains("INTO") => {
                found.dangerous = true;
                found.hides("it writes a file");
            }
            _ => {}
        }
        // Whose tables nobody listed.
        if found.kind == Kind::Other {
            found.hides("it is a statement that the guardrail does not know in detail");
        }
    }
}

/// The tables of each `TABLE x` in a query's body.
fn tables_of_body(body: &SetExpr, found: &mut Vec<TableName>) {
    match body {
        SetExpr::Table(table) => {
            let lower = |ident: &Option<Ident>| ident.as_ref().map(|ident| ident.value.to_lowercase());
            if let Some(name) = lower(&table.table_name) {
                found.push(TableName { schema: lower(&table.schema_name), name, usage: Use::Read });
            }
        }
        SetExpr::SetOperation { left, right, .. } => {
            tables_of_body(left, found);
            tables_of_body(right, found);
        }
        _ => {}
    }
}

/// UPDATE and DELETE.
fn changes(
    found: &mut Statement,
    what: &str,
    selection: Option<&Expr>,
    (own, joins): (&Own, &[&JoinConstraint]),
    dialect: Dialect,
    targets: &[TableName],
    effort: &Effort,
) {
    let targets: Vec<String> = targets.iter().map(|target| target.name.clone()).collect();
    match selection {
        None => {
            found.unbounded = true;
            found.note(format!("{what} without WHERE"));
        }
        Some(condition) if condition::holds_for_all(condition, joins, dialect, &targets, own, effort) => {
            found.unbounded = true;
            found.note(format!("{what} with a WHERE that holds for every row"));
        }
        Some(_) => found.note(what),
    }
}

/// How the rows that an UPDATE changes are called, and the conditions of its joins.
fn own_of_update<'a>(update: &'a Update, targets: &[TableName]) -> (Own, Vec<&'a JoinConstraint>) {
    let from = match &update.from {
        Some(UpdateTableFromKind::BeforeSet(from) | UpdateTableFromKind::AfterSet(from)) => from.as_slice(),
        None => &[],
    };
    let others = !update.table.joins.is_empty() || !from.is_empty();
    let assigned = update.assignments.iter().flat_map(|assignment| match &assignment.target {
        AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
        AssignmentTarget::Tuple(names) => names.as_slice(),
    });
    // `SET a.x = 1` names the table; without it, it may be any of the join.
    let qualifiers: Option<BTreeSet<String>> = assigned.map(qualifier).collect();
    let names = match qualifiers.filter(|_| !update.table.joins.is_empty()) {
        Some(names) => names,
        None => names_of_tables(std::slice::from_ref(&update.table), targets),
    };
    (
        Own { names, others },
        constraints(std::slice::from_ref(&update.table)).chain(constraints(from)).collect(),
    )
}

/// The same for a DELETE.
fn own_of_delete<'a>(delete: &'a Delete, targets: &[TableName]) -> (Own, Vec<&'a JoinConstraint>) {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let using = delete.using.as_deref().unwrap_or_default();
    let others = from.len() > 1 || from.iter().any(|table| !table.joins.is_empty()) || !using.is_empty();
    let last = |name: &ObjectName| table_name(name, Use::Written).name;
    let names = if !delete.tables.is_empty() {
        delete.tables.iter().map(last).collect()
    } else if using.is_empty() {
        names_of_tables(from, targets)
    } else {
        from.iter().flat_map(relation).map(|table| table.name).collect()
    };
    (Own { names, others }, constraints(from).chain(constraints(using)).collect())
}

/// What stands before the column's name.
fn qualifier(column: &ObjectName) -> Option<String> {
    column.0.iter().rev().nth(1).map(|name| part(name).to_lowercase())
}

/// The names and aliases of tables, and those of the targets.
fn names_of_tables(tables: &[TableWithJoins], targets: &[TableName]) -> BTreeSet<String> {
    let factors = tables.iter().flat_map(|table| {
        std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation))
    });
    let aliases = factors.filter_map(|factor| match factor {
        TableFactor::Table { alias, .. } => alias.as_ref().map(|alias| alias.name.value.to_lowercase()),
        _ => None,
    });
    aliases.chain(targets.iter().map(|target| target.name.clone())).collect()
}

fn constraints(tables: &[TableWithJoins]) -> impl Iterator<Item = &JoinConstraint> {
    tables.iter().flat_map(|table| &table.joins).filter_map(|join| match &join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint)
        | JoinOperator::StraightJoin(constraint) => Some(constraint),
        _ => None,
    })
}

/// Pragmas that only read, and those that take a table's name.
fn pragma(found: &mut Statement, name: &str, has_value: bool) {
    let name = name.rsplit('.').next().unwrap_or(name).to_lowercase();
    let of_table = [
        "table_info",
        "table_xinfo",
        "table_list",
        "index_list",
        "index_info",
        "index_xinfo",
        "foreign_key_list",
    ];
    let plain = [
        "table_list",
        "database_list",
        "collation_list",
        "function_list",
        "compile_options",
        "encoding",
        "page_count",
        "page_size",
        "user_version",
        "schema_version",
        "application_id",
        "freelist_count",
        "foreign_keys",
    ];
    if has_value && of_table.contains(&name.as_str()) {
        // The parser calls it a setting; it is a question.
        found.kind = Kind::Read;
        found.not_a_read = None;
        if let Some(action) = found.actions.first_mut() {
            action.kind = Kind::Read;
        }
    } else if has_value || !plain.contains(&name.as_str()) {
        found.kind = found.kind.max(Kind::Session);
        found.hides(format!("it sets or runs the pragma {}", quoted(&name)));
    }
}

/// Whether a SET only sets the session's own variables (`@x`).
fn only_variables(set: &Set) -> bool {
    let own = |name: &ObjectName| {
        let name = dotted(name);
        name.starts_with('@') && !name.starts_with("@@")
    };
    match set {
        Set::SingleAssignment { scope: None, hivevar: false, variable, .. } => own(variable),
        Set::MultipleAssignments { assignments } => {
            assignments.iter().all(|assignment| assignment.scope.is_none() && own(&assignment.name))
        }
        _ => false,
    }
}

/// Whether a SET changes a setting of the whole server.
fn is_global(set: &Set) -> bool {
    let text = set.to_string().to_uppercase();
    ["GLOBAL ", "PERSIST ", "PERSIST_ONLY ", "@@GLOBAL.", "@@PERSIST.", "@@PERSIST_ONLY."]
        .iter()
        .any(|scope| text.contains(scope))
}

/// The parts of a name, joined by dots.
pub(super) fn dotted(name: &ObjectName) -> String {
    name.0.iter().map(part).collect::<Vec<_>>().join(".")
}

fn part(part: &ObjectNamePart) -> String {
    match part {
        ObjectNamePart::Identifier(ident) => ident.value.clone(),
        ObjectNamePart::Function(function) => function.to_string(),
    }
}

/// MySQL and SQLite tell names apart by case or not, depending on the machine; here they never do.
fn table_name(name: &ObjectName, usage: Use) -> TableName {
    let mut parts: Vec<String> = name.0.iter().map(|name| part(name).to_lowercase()).collect();
    let last = parts.pop().unwrap_or_default();
    TableName { schema: (!parts.is_empty()).then(|| parts.join(".")), name: last, usage }
}

/// Tables in which the server keeps accounts, privileges or definitions.
fn is_of_server(table: &TableName, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Mysql => table.schema.as_deref() == Some("mysql"),
        _ => table.name.starts_with("sqlite_"),
    }
}

/// Tables of the server's own that a provable read does not read.
fn is_inner(table: &TableName, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Mysql => match table.schema.as_deref() {
            Some("mysql" | "performance_schema" | "sys") => true,
            Some("information_schema") => {
                matches!(table.name.as_str(), "processlist" | "user_attributes" | "user_privileges")
                    || table.name.starts_with("innodb_")
            }
            _ => false,
        },
        _ => {
            table.name.starts_with("dbstat")
                || table.name.starts_with("sqlite_dbpage")
                || table.name == "sqlite_stmt"
        }
    }
}

/// Names that a statement's WITHs bring, without those that a WITH reads itself: there, and only
/// there, the name may mean a table.
fn with_names(parsed: &ast::Statement) -> BTreeSet<String> {
    #[derive(Default)]
    struct Names {
        with: BTreeSet<String>,
        inside: BTreeSet<String>,
    }
    struct Relations<'a>(&'a mut BTreeSet<String>);
    impl Visitor for Relations<'_> {
        type Break = ();
        fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<()> {
            self.0.insert(dotted(relation).to_lowercase());
            ControlFlow::Continue(())
        }
    }
    impl Visitor for Names {
        type Break = ();
        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            for table in query.with.iter().flat_map(|with| &with.cte_tables) {
                self.with.insert(table.alias.name.value.to_lowercase());
                let _ = table.query.visit(&mut Relations(&mut self.inside));
            }
            ControlFlow::Continue(())
        }
    }
    let mut names = Names::default();
    let _ = parsed.visit(&mut names);
    names.with.difference(&names.inside).cloned().collect()
}

fn relation(table: &TableWithJoins) -> Vec<TableName> {
    let factors = std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation));
    factors
        .filter_map(|factor| match factor {
            TableFactor::Table { name, .. } => Some(table_name(name, Use::Written)),
            _ => None,
        })
        .collect()
}

fn update_targets(update: &Update) -> Vec<TableName> {
    relation(&update.table)
}

fn delete_targets(delete: &Delete) -> Vec<TableName> {
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    // `DELETE a FROM x AS a JOIN y`, `DELETE FROM a USING x AS a JOIN y`: names may be aliases, so all tables count.
    let named = delete.tables.iter().map(|name| table_name(name, Use::Written));
    let using = delete.using.iter().flatten();
    named.chain(from.iter().chain(using).flat_map(relation)).collect()
}

/// The tables that a statement changes.
fn targets(parsed: &ast::Statement) -> Vec<TableName> {
    let written = |name: &ObjectName| table_name(name, Use::Written);
    match parsed {
        ast::Statement::Insert(insert) => match &insert.table {
            TableObject::TableName(name) => vec![written(name)],
            _ => Vec::new(),
        },
        ast::Statement::Update(update) => update_targets(update),
        ast::Statement::Delete(delete) => delete_targets(delete),
        ast::Statement::Truncate(truncate) => {
            truncate.table_names.iter().map(|target| written(&target.name)).collect()
        }
        ast::Statement::Drop { names, table, .. } => names.iter().chain(table).map(written).collect(),
        ast::Statement::AlterTable(alter) => vec![written(&alter.name)],
        ast::Statement::CreateTable(create) => vec![written(&create.name)],
        ast::Statement::CreateView(create) => vec![written(&create.name)],
        ast::Statement::CreateIndex(create) => vec![written(&create.table_name)],
        ast::Statement::CreateVirtualTable { name, .. } | ast::Statement::OptimizeTable { name, .. } => {
            vec![written(name)]
        }
        ast::Statement::LoadData { table_name, .. } => vec![written(table_name)],
        ast::Statement::RenameTable(renames) => {
            renames.iter().flat_map(|rename| [written(&rename.old_name), written(&rename.new_name)]).collect()
        }
        ast::Statement::LockTables { tables } => tables
            .iter()
            .map(|lock| TableName {
                schema: None,
                name: lock.table.value.to_lowercase(),
                usage: Use::Written,
            })
            .collect(),
        ast::Statement::ExplainTable { table_name: name, .. }
        | ast::Statement::ShowCreate { obj_name: name, .. } => vec![table_name(name, Use::Read)],
        _ => Vec::new(),
    }
}

/// For notes.
fn names_of(tables: &[TableName]) -> String {
    match tables {
        [] => "a table".to_owned(),
        [table, ..] => quoted(&table.to_string()),
    }
}
