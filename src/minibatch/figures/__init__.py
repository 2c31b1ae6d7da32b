"""The figures of the report, one module each: `draw(tables, **options) -> Figure`."""
