"""A second publication: the same tables, views and macros in a DuckLake, for SQL over many partitions."""
