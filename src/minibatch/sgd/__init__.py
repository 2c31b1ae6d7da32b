"""What is computed, and the oracles that it is checked against."""
