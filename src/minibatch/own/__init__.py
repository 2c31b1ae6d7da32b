"""The same question for what the user brings: a table, or a model."""
