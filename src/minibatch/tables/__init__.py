"""Parquet with a checksum, canonical JSON, atomic files, provenance, and reading them again."""
