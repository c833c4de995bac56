"""The catalogue: what registries have, in one DuckDB file, for any question in SQL."""
