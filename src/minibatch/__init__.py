"""Which batch size of stochastic gradient descent is best on this machine, and why."""
