//! One statement, walked through its whole tree.

use super::known::Known;
use super::names::{self, bare, callee, dotted, path};
use super::scope::Scope;
use super::{builtin, changes, condition, output, reads, reserved, settings, statement};
use crate::analysis::{Kind, Statement, TableName, Use};
use crate::change::ChangeKind;
use crate::condition::{Effort, Own};
use crate::names::quoted;
use countersign_catalogue::Volatility;
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};
use std::collections::BTreeSet;

/// What the tree says.
pub(super) struct Walked {
    pub(super) found: Statement,
    /// The names that may stand where a table is expected, in lower case: tables with their schema, and names of WITH.
    pub(super) names: BTreeSet<String>,
    /// The first reserved word that the parser took for a name, by its offset.
    pub(super) reserved: Option<usize>,
}

/// Analyses a node that is a whole statement.
pub(super) fn statement(
    node: &SyntaxNode,
    known: &Known<'_>,
    effort: &Effort,
) -> Result<Walked, &'static str> {
    let Some((kind, verb)) = statement::classify(node.kind()) else {
        return Err("it has a statement of a kind that the guardrail does not know");
    };
    let mut walk = Walk {
        known,
        effort,
        found: Statement::new(kind, verb),
        scopes: Vec::new(),
        explains: false,
        names: BTreeSet::new(),
        reserved: None,
    };
    if node.kind() == SyntaxKind::EXPLAIN {
        walk.explains = !executes(node);
        if !walk.explains {
            walk.found.note("EXPLAIN ANALYZE runs the statement");
            "EXPLAIN ANALYZE".clone_into(&mut walk.found.verb);
            walk.found.act(Kind::Read, "EXPLAIN ANALYZE");
        }
    }
    if kind != Kind::Read {
        let why = format!("{} is not a read", walk.found.verb);
        walk.found.not_read(why);
    }
    walk.tree(node);
    walk.found.output = output::columns(node);
    walk.found.settle();
    let mut names = walk.names;
    names.extend(walk.found.tables.iter().map(|table| table.to_string().to_lowercase()));
    Ok(Walked { found: walk.found, names, reserved: walk.reserved })
}

/// Whether an EXPLAIN runs what it explains: any mention of ANALYZE counts, whatever its value.
fn executes(explain: &SyntaxNode) -> bool {
    explain.children().any(|child| match child.kind() {
        SyntaxKind::EXPLAIN_ANALYZE => true,
        SyntaxKind::EXPLAIN_OPTION_LIST => {
            child.descendants().filter(|part| part.kind() == SyntaxKind::EXPLAIN_OPTION_NAME).any(|name| {
                !matches!(
                    bare(&name).to_ascii_lowercase().as_str(),
                    "verbose" | "costs" | "settings" | "generic_plan" | "summary" | "format" | "memory"
                )
            })
        }
        _ => false,
    })
}

enum Step {
    Enter(SyntaxNode),
    /// Ends a WITH's scope.
    Leave,
}

struct Walk<'a> {
    known: &'a Known<'a>,
    effort: &'a Effort,
    found: Statement,
    scopes: Vec<Scope>,
    /// Only the plan of what stands in it is made.
    explains: bool,
    /// All names of WITH, in lower case.
    names: BTreeSet<String>,
    reserved: Option<usize>,
}

impl Walk<'_> {
    /// Without recursion: a tree may be as deep as a command is long.
    fn tree(&mut self, root: &SyntaxNode) {
        let mut steps = vec![Step::Enter(root.clone())];
        while let Some(step) = steps.pop() {
            let node = match step {
                Step::Enter(node) => node,
                Step::Leave => {
                    self.scopes.pop();
                    continue;
                }
            };
            if let Some(scope) = Scope::of(&node) {
                self.scopes.push(scope);
                steps.push(Step::Leave);
            }
            self.node(&node, &node == root);
            let children: Vec<SyntaxNode> = node.children().collect();
            steps.extend(children.into_iter().rev().map(Step::Enter));
        }
    }

    fn node(&mut self, node: &SyntaxNode, outermost: bool) {
        let kind = node.kind();
        if let Some(token) = reserved::misread(node) {
            self.reserved.get_or_insert(token.text_range().start().into());
        }
        if kind == SyntaxKind::CTE_NAME {
            self.names.insert(names::segment(node).text.to_lowercase());
        }
        if !outermost && let Some((sort, verb)) = statement::classify(kind) {
            self.inner(sort, &verb);
        }
        if let Some((sort, verb)) = statement::part(kind)
            && !self.explains
        {
            self.found.act(sort, verb);
        }
        self.tokens(node);
        self.tables(node);
        self.effects(node);
        self.code(node);
        settings::note(&mut self.found, node);
        if !self.explains {
            self.changes(node);
        }
        if !reads::is_known(kind) {
            self.found.not_read(format!(
                "it has a part ({}) that is not known to only read",
                statement::spelt(kind).to_ascii_lowercase()
            ));
        }
    }

    fn changes(&mut self, node: &SyntaxNode) {
        for change in changes::of(node) {
            if let ChangeKind::Define(definition) = &change.kind {
                self.found.note(definition.note(&change.table));
            }
            self.found.changes.push(change);
        }
    }

    /// A statement inside of the statement.
    fn inner(&mut self, kind: Kind, verb: &str) {
        if kind == Kind::Read {
            return;
        }
        self.found.not_read(format!("it has {verb} inside"));
        if !self.explains {
            self.found.act(kind, verb);
            self.found.nested_writes |= kind == Kind::Write;
        }
        if verb == "EXECUTE" {
            self.found.hides("it runs a prepared statement");
        }
    }

    /// A backslash before the quote that ends a string: a server with
    /// `standard_conforming_strings = off` reads on where this parser stops.
    fn tokens(&mut self, node: &SyntaxNode) {
        let ambiguous = node.children_with_tokens().filter_map(SyntaxElement::into_token).any(|token| {
            matches!(token.kind(), SyntaxKind::STRING | SyntaxKind::NATIONAL_STRING)
                && token.text().contains("\\'")
        });
        if ambiguous {
            self.found.hides(
                "a string in it has a backslash before a quote, which servers read in two ways; write it as E'…'",
            );
        }
    }

    fn tables(&mut self, node: &SyntaxNode) {
        if !matches!(
            node.kind(),
            SyntaxKind::RELATION_NAME_REF
                | SyntaxKind::TABLE_NAME
                | SyntaxKind::TABLE_NAME_REF
                | SyntaxKind::VIEW
                | SyntaxKind::VIEW_REF
                | SyntaxKind::SEQUENCE_REF
                | SyntaxKind::QUALIFIED_COLUMN_NAME_REF
        ) {
            return;
        }
        let mut parts = path(node);
        let mut single = parts.is_empty().then(|| names::segment(node));
        // `COMMENT ON COLUMN t.a`: the table is what stands before the column.
        if node.kind() == SyntaxKind::QUALIFIED_COLUMN_NAME_REF {
            parts.pop();
            single = None;
        }
        let Some(name) = parts.pop().or(single) else { return };
        let schema = (!parts.is_empty()).then(|| dotted(&parts));
        let usage = usage(node);
        if usage == Use::Read
            && schema.is_none()
            && self.scopes.iter().any(|scope| scope.has(&name.text, node.text_range().start().into()))
        {
            return;
        }
        if !builtin::is_calm_table(schema.as_deref(), &name.text) {
            self.found.not_read(format!(
                "it reads {}, which may tell about other sessions, passwords or the server",
                quoted(&name.text)
            ));
        }
        if let Some(why) = self.known.why_not_table(schema.as_deref(), &name.text) {
            self.found.not_read(why);
        }
        let usage = if self.explains { Use::Read } else { usage };
        let of_catalog =
            schema.as_deref() == Some("pg_catalog") || (schema.is_none() && name.text.starts_with("pg_"));
        if usage == Use::Written && of_catalog {
            self.found.dangerous = true;
            self.found.act(Kind::Privilege, "WRITE CATALOG");
            self.found.note(format!("changes {}, a table of the server's own", quoted(&name.text)));
        }
        self.found.tables.push(TableName { schema, name: name.text, usage });
    }

    fn effects(&mut self, node: &SyntaxNode) {
        let found = &mut self.found;
        match node.kind() {
            SyntaxKind::UPDATE | SyntaxKind::DELETE if !self.explains => {
                let table = target(node);
                let verb = if node.kind() == SyntaxKind::UPDATE { "updates" } else { "deletes from" };
                let condition = node.children().find(|child| child.kind() == SyntaxKind::WHERE_CLAUSE);
                let positioned = node.children().any(|child| child.kind() == SyntaxKind::WHERE_CURRENT_OF);
                match condition.and_then(|clause| clause.children().next()) {
                    Some(condition)
                        if condition::holds_for_all(
                            &condition,
                            target_name(node).as_deref(),
                            &own(node),
                            self.effort,
                        ) =>
                    {
                        found.unbounded = true;
                        found.note(format!("{verb} {table} with a WHERE that holds for every row"));
                    }
                    Some(_) => found.note(format!("{verb} {table}")),
                    None if positioned => found.note(format!("{verb} {table} at a cursor")),
                    None => {
                        found.unbounded = true;
                        found.note(format!("{verb} {table} without WHERE"));
                    }
                }
            }
            SyntaxKind::INSERT if !self.explains => found.note(format!("inserts into {}", target(node))),
            SyntaxKind::MERGE if !self.explains => {
                found.note(format!("merges into {}", target(node)));
                let on = node.descendants().find(|part| part.kind() == SyntaxKind::ON_CLAUSE);
                if on
                    .and_then(|on| on.children().next())
                    .is_none_or(|on| condition::holds_for_all(&on, None, &own(node), self.effort))
                {
                    found.unbounded = true;
                    found.note("merges on a condition that holds for every row");
                }
            }
            SyntaxKind::TRUNCATE => {
                found.unbounded = true;
                found.note(format!("empties {}", target(node)));
            }
            SyntaxKind::LOCKING_CLAUSE => {
                found.locks = true;
                found.not_read("it locks the rows that it reads");
                found.note("locks the rows that it reads");
            }
            SyntaxKind::LOCK => {
                found.locks = true;
                found.note("locks tables");
            }
            SyntaxKind::COPY_PROGRAM => {
                found.dangerous = true;
                if node.children_with_tokens().any(|element| element.kind() == SyntaxKind::PROGRAM_KW) {
                    found.act(Kind::Copy, "COPY PROGRAM");
                    found.hides("it runs a program on the database server");
                } else {
                    found.act(Kind::Copy, "COPY FILE");
                    found.note("copies to or from a file of the database server");
                }
            }
            SyntaxKind::DO => found.hides("it runs a block of code"),
            SyntaxKind::EXECUTE => found.hides("it runs a prepared statement"),
            SyntaxKind::LOAD => {
                found.dangerous = true;
                found.hides("it loads a library into the server");
            }
            SyntaxKind::CREATE_FUNCTION | SyntaxKind::CREATE_PROCEDURE => {
                let in_the_tree = node
                    .descendants()
                    .any(|part| matches!(part.kind(), SyntaxKind::ATOMIC_BODY | SyntaxKind::RETURN_STMT));
                if !in_the_tree {
                    found.hides("it defines code that the guardrail does not look into");
                }
            }
            SyntaxKind::CREATE_EXTENSION | SyntaxKind::CREATE_LANGUAGE => {
                found.calls_unknown("it installs code in the server");
                let verb = found.verb.clone();
                found.act(Kind::Privilege, verb);
            }
            SyntaxKind::ALTER_SYSTEM => {
                found.dangerous = true;
                found.act(Kind::Privilege, "ALTER SYSTEM");
            }
            _ => {}
        }
    }

    /// Functions, operators, types: whose code runs.
    fn code(&mut self, node: &SyntaxNode) {
        match node.kind() {
            SyntaxKind::CALL_EXPR => self.call(node),
            SyntaxKind::PROCEDURE_NAME_REF if node.parent().is_some_and(|p| p.kind() == SyntaxKind::CALL) => {
                let name = dotted(&path(node));
                self.found.calls_unknown(format!("it calls the procedure {}", quoted(&name)));
                self.found.note(format!("calls the procedure {}", quoted(&name)));
                self.found.functions.push(name);
            }
            SyntaxKind::PATH_TYPE => {
                let parts = path(node);
                if !builtin::is_own_type(&parts)
                    && !words_of_a_type(node)
                    && !self.known.type_only_reads(&parts)
                {
                    self.found.calls_unknown(format!(
                        "it uses the type {}, which is not one of the database's own",
                        quoted(&dotted(&parts))
                    ));
                }
            }
            SyntaxKind::CUSTOM_OP => {
                let name = bare(node);
                self.sign(None, &name);
            }
            SyntaxKind::OPERATOR_CALL => self.operator(node),
            _ => {}
        }
    }

    fn call(&mut self, node: &SyntaxNode) {
        let Some(parts) = callee(node) else {
            // Grammar that has a node of its own (`extract(…)`), which `reads` knows or does not.
            if node.children().next().is_none_or(|first| !reads::is_grammar_call(first.kind())) {
                self.found.calls_unknown("it calls something that is not named plainly");
            }
            return;
        };
        let name = dotted(&parts);
        let sampling = node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::TABLESAMPLE_CLAUSE);
        let calm = if sampling {
            matches!(name.as_str(), "bernoulli" | "system")
        } else {
            builtin::is_calm_function(&parts)
        };
        self.callee(calm, &parts, &name);
        self.found.functions.push(name);
    }

    fn operator(&mut self, node: &SyntaxNode) {
        let schema: Vec<_> = path(node).into_iter().filter(|part| !part.text.is_empty()).collect();
        let text = bare(node);
        let inside =
            text.rsplit_once(')').and_then(|(text, _)| text.split_once('(')).map_or("", |(_, inside)| inside);
        let name = inside.rsplit('.').next().unwrap_or(inside);
        let schema = (!schema.is_empty()).then(|| dotted(&schema));
        self.sign(schema.as_deref(), name);
    }

    /// A function: the server's own, or one that the catalogue knows to only compute or read.
    fn callee(&mut self, calm: bool, parts: &[names::Segment], name: &str) {
        let known = self.known.function(parts);
        // The list of functions with effects counts before what an extension declares.
        let listed = builtin::EFFECTS.of(name).is_some();
        match known {
            // A call of a name of the server's own may mean a function of somebody's.
            Some(Volatility::Volatile) if calm || !listed => self.found.calls_unknown(format!(
                "it calls {}, which is VOLATILE or in a language that may do anything, by the catalogue of the connection",
                quoted(name)
            )),
            Some(Volatility::Immutable | Volatility::Stable) if !listed => {}
            _ if calm => {}
            _ => builtin::EFFECTS.call(&mut self.found, name),
        }
    }

    /// An operator, likewise.
    fn sign(&mut self, schema: Option<&str>, name: &str) {
        let own = matches!(schema, None | Some("pg_catalog")) && builtin::is_own_operator(name);
        let known = self.known.operator(schema, name);
        let reads = match known {
            Some(volatility) => volatility.only_reads(),
            None => own,
        };
        if !reads {
            self.found.calls_unknown(format!(
                "it uses the operator {}, which is not one of the database's own",
                quoted(name)
            ));
        }
    }
}

/// A type that the grammar spells in words of its own, without a path.
fn words_of_a_type(node: &SyntaxNode) -> bool {
    path(node).is_empty() && !node.descendants().any(|part| part.kind() == SyntaxKind::PATH_REF)
}

/// How the statement around a name uses the table.
fn usage(name: &SyntaxNode) -> Use {
    let mut at = name.clone();
    while let Some(parent) = at.parent() {
        match parent.kind() {
            // `ONLY (t)`, `t *`, and lists of them.
            SyntaxKind::RELATION_NAME
            | SyntaxKind::TABLE_RELATION_NAME
            | SyntaxKind::RELATION_LIST
            | SyntaxKind::TABLE_LIST => at = parent,
            SyntaxKind::RELATION_FROM_ITEM | SyntaxKind::TABLE | SyntaxKind::LIKE_CLAUSE => return Use::Read,
            SyntaxKind::COPY_TABLE => {
                let from = parent
                    .parent()
                    .is_some_and(|copy| copy.children().any(|child| child.kind() == SyntaxKind::COPY_FROM));
                return if from { Use::Written } else { Use::Read };
            }
            _ => return Use::Written,
        }
    }
    Use::Written
}

/// The name of the table that a statement changes.
fn target_of(node: &SyntaxNode) -> Option<SyntaxNode> {
    node.descendants().find(|part| {
        matches!(part.kind(), SyntaxKind::RELATION_NAME_REF | SyntaxKind::TABLE_NAME_REF)
            && usage(part) == Use::Written
            && within(part, node)
    })
}

/// How the rows that an UPDATE, DELETE or MERGE changes are called.
fn own(node: &SyntaxNode) -> Own {
    let others = node.kind() == SyntaxKind::MERGE
        || node
            .children()
            .any(|part| matches!(part.kind(), SyntaxKind::FROM_CLAUSE | SyntaxKind::USING_CLAUSE));
    // An alias hides the name.
    let alias = node.children().find(|part| part.kind() == SyntaxKind::OPTIONAL_AS_ALIAS);
    let alias = alias.and_then(|alias| alias.children().next()).map(|name| names::segment(&name).text);
    let names = alias.or_else(|| target_name(node)).into_iter().collect();
    Own { names, others }
}

/// The same without its schema.
fn target_name(node: &SyntaxNode) -> Option<String> {
    target_of(node).and_then(|name| path(&name).pop()).map(|last| last.text)
}

/// The table that a statement changes, for notes.
fn target(node: &SyntaxNode) -> String {
    target_of(node).map_or_else(|| "a table".to_owned(), |name| quoted(&dotted(&path(&name))))
}

/// Whether the nearest statement around a name is this one (and not one in its WITH).
fn within(name: &SyntaxNode, statement: &SyntaxNode) -> bool {
    name.ancestors().find(|above| statement::classify(above.kind()).is_some()).as_ref() == Some(statement)
}
