"""The plain run: the values that a run has unless it is a variant for one of the exercises."""

PLAIN = {"schedule": "constant", "sampling": "permutation", "copies": 1}
