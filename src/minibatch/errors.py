"""The one kind of error that is the user's to mend."""


class UserError(Exception):
    """What is wrong and what to do, in one line that names the file, the key or the value."""
