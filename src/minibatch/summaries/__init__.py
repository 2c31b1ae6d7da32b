"""The tables of the report, one module each: `summarise(tables, **options) -> DataFrame`.

That of `machines` is not of the report, but of `minibatch.compare`.
"""
