"""The peer that our users would pick instead: DuckDB with its postgres and mysql extensions, in an environment of its own."""
