"""The one error a user can mend: it names the file, key or row and the remedy, and ends a command with exit code 2."""


class InputError(ValueError):
    """Bad input from outside (params, data, names). The message is one line: where, what, remedy."""

    exit_code = 2
