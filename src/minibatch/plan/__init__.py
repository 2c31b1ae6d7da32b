"""What the configuration asks for, checked and as jobs; only the Snakefile imports it."""
