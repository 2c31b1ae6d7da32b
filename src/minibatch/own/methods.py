"""What is measured in several ways: the names of these in tables."""

EXACT, ESTIMATED = "exact", "two sizes"  # gradient noise
EAGER, COMPILED = "eager", "compiled"  # implementations
DIRECT, LOADER = "direct", "DataLoader"  # how batches are taken
