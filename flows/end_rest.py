"""What a server that ended has left behind ends too: it may hold the port that the server needs again.

An event listener of supervisor (supervisord.conf). Its arguments name the programs; supervisor starts each as
the leader of a process group.
"""

import contextlib
import os
import signal
import sys

from supervisor.childutils import get_headers, listener


def main() -> None:
    """Wait for programs to end, until supervisor ends this process."""
    while True:
        _, payload = listener.wait()
        event = get_headers(payload)
        if event["processname"] in sys.argv[1:]:
            with contextlib.suppress(ProcessLookupError):  # nothing is left
                os.killpg(int(event["pid"]), signal.SIGKILL)
        listener.ok()


if __name__ == "__main__":
    main()
