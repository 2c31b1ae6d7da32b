"""The one kind of error that is the user's to solve."""


class Problem(Exception):
    """What is wrong and what to do, in one line that names the file, the key or the value."""
