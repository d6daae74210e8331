-- Makes postgres-functions.txt: built-in functions of PostgreSQL that only compute or read.
--   psql -qAtX -f postgres-functions.sql "$COUNTERSIGN_TEST_POSTGRES_URL" > postgres-functions.txt
-- In: no overload is volatile, none is plumbing (an argument or result that SQL itself cannot have).
-- Out, although not volatile: what assigns a transaction id, runs or reads what is named in a text,
-- reads files or directories of the server, or tells about other sessions or addresses. Of the names
-- `pg_…` only those that are listed are in, so that a new one is out until somebody has looked.
SET lc_messages = 'C';
WITH candidate AS (
  SELECT proname::text AS name
  FROM pg_catalog.pg_proc AS p
  WHERE pronamespace = 'pg_catalog'::regnamespace AND oid < 16384
  GROUP BY proname
  HAVING bool_and(provolatile IN ('i', 's'))
     AND NOT bool_or(prokind = 'p')
     AND NOT bool_or(EXISTS (
       SELECT FROM unnest(proargtypes::oid[] || prorettype) AS a(type)
       WHERE type IN ('internal'::regtype, 'cstring'::regtype, 'trigger'::regtype, 'event_trigger'::regtype,
         'language_handler'::regtype, 'fdw_handler'::regtype, 'index_am_handler'::regtype,
         'tsm_handler'::regtype, 'table_am_handler'::regtype, 'pg_ddl_command'::regtype)))
), calm AS (
  SELECT name FROM candidate
  WHERE name !~ '^(pg_|lo_|binary_upgrade|fmgr_|inet_client|inet_server|txid_current$|RI_FKey)'
    AND name !~ '^(table|schema|database|query|cursor)_to_xml'
  UNION
  SELECT name FROM candidate
  WHERE name IN ('pg_backend_pid', 'pg_char_to_encoding', 'pg_client_encoding', 'pg_collation_for',
    'pg_collation_is_visible', 'pg_column_compression', 'pg_column_is_updatable', 'pg_column_size',
    'pg_conversion_is_visible', 'pg_current_snapshot', 'pg_current_xact_id_if_assigned', 'pg_describe_object',
    'pg_encoding_max_length', 'pg_encoding_to_char', 'pg_function_is_visible', 'pg_get_constraintdef',
    'pg_get_expr', 'pg_get_function_arg_default', 'pg_get_function_arguments',
    'pg_get_function_identity_arguments', 'pg_get_function_result', 'pg_get_function_sqlbody',
    'pg_get_functiondef', 'pg_get_indexdef', 'pg_get_keywords', 'pg_get_partition_constraintdef',
    'pg_get_partkeydef', 'pg_get_ruledef', 'pg_get_serial_sequence', 'pg_get_statisticsobjdef',
    'pg_get_statisticsobjdef_columns', 'pg_get_statisticsobjdef_expressions', 'pg_get_triggerdef',
    'pg_get_userbyid', 'pg_get_viewdef', 'pg_has_role', 'pg_index_column_has_property',
    'pg_index_has_property', 'pg_indexam_has_property', 'pg_lsn', 'pg_my_temp_schema',
    'pg_opclass_is_visible', 'pg_operator_is_visible', 'pg_opfamily_is_visible', 'pg_options_to_table',
    'pg_partition_root', 'pg_postmaster_start_time', 'pg_relation_is_updatable', 'pg_sequence_parameters',
    'pg_size_bytes', 'pg_size_pretty', 'pg_snapshot_xip', 'pg_snapshot_xmax', 'pg_snapshot_xmin',
    'pg_statistics_obj_is_visible', 'pg_table_is_visible', 'pg_trigger_depth', 'pg_ts_config_is_visible',
    'pg_ts_dict_is_visible', 'pg_ts_parser_is_visible', 'pg_ts_template_is_visible', 'pg_type_is_visible',
    'pg_typeof', 'pg_visible_in_snapshot', 'pg_wal_lsn_diff')
  UNION
  -- Volatile because their answer changes; they change nothing.
  SELECT DISTINCT proname::text FROM pg_catalog.pg_proc
  WHERE pronamespace = 'pg_catalog'::regnamespace
    AND proname IN ('clock_timestamp', 'timeofday', 'random', 'gen_random_uuid', 'pg_relation_size',
      'pg_table_size', 'pg_indexes_size', 'pg_total_relation_size', 'pg_database_size',
      'pg_partition_tree', 'pg_partition_ancestors')
)
SELECT name FROM calm ORDER BY name COLLATE "C";
