"""`dvc exp run --temp`, but of its own experiment alone: `python -m tasks.experiment exp run --temp …`.

DVC keeps an experiment in a stash until it begins, and `--temp` runs whatever it finds there until none is left. Of
experiments started side by side one may so run another's too, in its own environment: under the wrong tags, and twice.
"""

import sys
from functools import cached_property
from typing import Any

from dvc.cli import main
from dvc.repo.experiments import Experiments
from dvc.repo.experiments.exceptions import ExpQueueEmptyError
from dvc.repo.experiments.executor.local import TempDirExecutor
from dvc.repo.experiments.queue.base import QueueEntry, QueueGetResult
from dvc.repo.experiments.queue.tempdir import TempDirQueue
from dvc.repo.experiments.refs import WORKSPACE_STASH

from setwise.borrowed import check_borrowed
from setwise.errors import InputError


class OwnQueue(TempDirQueue):
    """DVC's queue of `--temp`, out of which comes nothing but what this process put into it."""

    _own: QueueEntry | None = None

    def put(self, *args: Any, **kwargs: Any) -> QueueEntry:
        """Stash an experiment."""
        self._own = super().put(*args, **kwargs)
        return self._own

    def get(self) -> QueueGetResult:
        """Take the stashed experiment. Raises ExpQueueEmptyError once it was taken."""
        entry, self._own = self._own, None
        if entry is None:
            raise ExpQueueEmptyError("the experiment of this process was taken")
        executor = self.init_executor(self.repo.experiments, entry, TempDirExecutor, wdir=self._standalone_tmp_dir)
        return QueueGetResult(entry, executor)


def _use_own_queue() -> None:
    queue = cached_property(lambda experiments: OwnQueue(experiments.repo, WORKSPACE_STASH))
    queue.__set_name__(Experiments, "tempdir_queue")
    Experiments.tempdir_queue = queue


def _main() -> int:
    try:
        check_borrowed("dvc")
    except InputError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return InputError.exit_code
    _use_own_queue()
    return int(main(sys.argv[1:]))


if __name__ == "__main__":
    sys.exit(_main())
