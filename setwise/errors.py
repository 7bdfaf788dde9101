"""The one error a user can mend: it names the file, key or row and the remedy, and ends a command with exit code 2."""

from setwise.redact import redact


class InputError(ValueError):
    """Bad input from outside (params, data, names). The message is one line without secrets: where, what, remedy."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        said = redact(" ".join(message.splitlines()))
        # Half a character of a row or a file's name can be written nowhere: not in a log, not in a record of a run.
        super().__init__(said.encode("utf-8", "backslashreplace").decode("utf-8"))
