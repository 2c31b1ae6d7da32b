"""The tables of the report, one module each: `summarise(tables, **options) -> DataFrame`."""
