"""The only door to DuckDB: the warehouse, built from the store's Parquet tables and read by everyone."""
