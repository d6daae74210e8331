//! What is PostgreSQL's own and known to only compute or read. The lists beside this come from a
//! server's catalog, by the queries that stand beside them.

use super::names::Segment;
use crate::effects::Effects;
use crate::names::NameList;
use std::sync::LazyLock;

static FUNCTIONS: LazyLock<NameList> =
    LazyLock::new(|| NameList::new(include_str!("../../data/postgres-functions.txt")));
static TYPES: LazyLock<NameList> =
    LazyLock::new(|| NameList::new(include_str!("../../data/postgres-types.txt")));
static OPERATORS: LazyLock<NameList> =
    LazyLock::new(|| NameList::new(include_str!("../../data/postgres-operators.txt")));

/// Functions with effects, and what they do.
pub(super) static EFFECTS: LazyLock<Effects> =
    LazyLock::new(|| Effects::new(include_str!("../../data/postgres-effects.txt")));

/// Grammar that looks like a call. Quoted, it is a call of somebody's function.
const SYNTAX: [&str; 13] = [
    "coalesce",
    "greatest",
    "least",
    "nullif",
    "grouping",
    "row",
    "xmlconcat",
    "merge_action",
    "array",
    "current_schema",
    "normalize",
    "treat",
    "cast",
];

/// Words of the grammar for types. Quoted, they are somebody's types.
const TYPE_WORDS: [&str; 12] = [
    "int", "integer", "smallint", "bigint", "real", "float", "decimal", "dec", "numeric", "boolean", "bool",
    "json",
];

/// Names of the catalog that a provable read may read. Not here: other sessions and their statements,
/// passwords, samples of other people's data, the server's files.
const CATALOG: [&str; 64] = [
    "pg_aggregate",
    "pg_am",
    "pg_amop",
    "pg_amproc",
    "pg_attrdef",
    "pg_attribute",
    "pg_auth_members",
    "pg_cast",
    "pg_class",
    "pg_collation",
    "pg_constraint",
    "pg_conversion",
    "pg_database",
    "pg_default_acl",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign_data_wrapper",
    "pg_foreign_table",
    "pg_group",
    "pg_index",
    "pg_indexes",
    "pg_inherits",
    "pg_init_privs",
    "pg_language",
    "pg_largeobject_metadata",
    "pg_matviews",
    "pg_namespace",
    "pg_opclass",
    "pg_operator",
    "pg_opfamily",
    "pg_parameter_acl",
    "pg_partitioned_table",
    "pg_policies",
    "pg_policy",
    "pg_proc",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_publication_tables",
    "pg_range",
    "pg_rewrite",
    "pg_roles",
    "pg_rules",
    "pg_seclabel",
    "pg_seclabels",
    "pg_sequence",
    "pg_sequences",
    "pg_settings",
    "pg_shdepend",
    "pg_shdescription",
    "pg_statistic_ext",
    "pg_tables",
    "pg_tablespace",
    "pg_transform",
    "pg_trigger",
    "pg_ts_config",
    "pg_ts_config_map",
    "pg_ts_dict",
    "pg_ts_parser",
    "pg_type",
    "pg_views",
];

/// A name in `pg_catalog`, or without a schema: the name itself.
fn own(parts: &[Segment]) -> Option<&Segment> {
    match parts {
        [name] => Some(name),
        [schema, name] if schema.text == "pg_catalog" => Some(name),
        _ => None,
    }
}

/// A function that only computes or reads.
pub(super) fn is_calm_function(parts: &[Segment]) -> bool {
    if let [name] = parts
        && !name.quoted
        && SYNTAX.contains(&name.text.as_str())
    {
        return true;
    }
    own(parts).is_some_and(|name| FUNCTIONS.has(&name.text))
}

/// A type whose input and casts are the server's own.
pub(super) fn is_own_type(parts: &[Segment]) -> bool {
    if let [name] = parts
        && !name.quoted
        && TYPE_WORDS.contains(&name.text.as_str())
    {
        return true;
    }
    own(parts).is_some_and(|name| TYPES.has(&name.text))
}

/// An operator of the server's own, by its name.
pub(super) fn is_own_operator(name: &str) -> bool {
    // `!=` is another spelling of `<>`.
    name == "!=" || OPERATORS.has(name)
}

/// Views of counters: they name objects and hold no text of other sessions.
fn is_statistics(name: &str) -> bool {
    const OBJECTS: [&str; 4] = ["tables", "indexes", "sequences", "functions"];
    const SERVER: [&str; 9] = [
        "pg_stat_archiver",
        "pg_stat_bgwriter",
        "pg_stat_checkpointer",
        "pg_stat_database",
        "pg_stat_database_conflicts",
        "pg_stat_io",
        "pg_stat_slru",
        "pg_stat_wal",
        "pg_locks",
    ];
    let of_objects = [
        "pg_stat_all_",
        "pg_stat_sys_",
        "pg_stat_user_",
        "pg_statio_all_",
        "pg_statio_sys_",
        "pg_statio_user_",
    ]
    .iter()
    .any(|start| name.strip_prefix(start).is_some_and(|object| OBJECTS.contains(&object)));
    of_objects || SERVER.contains(&name)
}

/// A table that a provable read may read: everybody's own tables, and the harmless part of the catalog.
pub(super) fn is_calm_table(schema: Option<&str>, name: &str) -> bool {
    match schema {
        None if name.starts_with("pg_") => CATALOG.contains(&name) || is_statistics(name),
        None => true,
        Some("pg_catalog") => CATALOG.contains(&name) || is_statistics(name),
        Some("information_schema") => name != "user_mapping_options" && name != "_pg_user_mappings",
        Some(schema) => !schema.starts_with("pg_") && !schema.contains('.'),
    }
}
