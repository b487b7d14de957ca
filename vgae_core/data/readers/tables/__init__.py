"""Formats of tables: delimited text and Parquet, with one edge, one node or one row of a matrix a row."""
