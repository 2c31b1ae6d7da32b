"""Which implementations take the steps of an epoch in one call, with direct indexing alone."""

WHOLE_EPOCHS = {"compiled": "compiled", "graph": "CUDA graph"}  # and what a reader calls them
