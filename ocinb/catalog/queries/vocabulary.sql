-- The names that a question can use. Macros that are no tables are helpers of the views.
SELECT table_name AS name, 'table' AS kind, list(column_name ORDER BY column_index) AS columns
FROM duckdb_columns()
WHERE NOT internal AND (database_name, schema_name) = (current_database(), 'main')
GROUP BY table_name
UNION ALL
SELECT DISTINCT function_name, 'function', [] FROM duckdb_functions()
WHERE NOT internal AND function_type = 'table_macro'
UNION ALL
SELECT keyword_name, 'reserved', [] FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')
ORDER BY ALL;
