"""The one error a user can mend: it names the file, key or row and the remedy, and ends a command with exit code 2."""

from setwise.redact import redact


class InputError(ValueError):
    """Bad input from outside (params, data, names). The message is one line without secrets: where, what, remedy."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(redact(" ".join(message.splitlines())))
