"""How gradient noise is measured: the names of the methods in tables."""

EXACT, ESTIMATED = "exact", "two sizes"
