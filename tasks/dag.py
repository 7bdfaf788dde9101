"""The pipeline's graph and what DVC says is stale, read from ``dvc.yaml`` by DVC itself in one short process."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from setwise.errors import InputError
from setwise.tracking_store import require_usable
from tasks.environment import child_environment

BUSY = ("Unable to acquire lock", "is busy, it is being blocked by")
"""What DVC says where another DVC works, which it names."""
BUSY_SECONDS = 5.0


@dataclass(frozen=True)
class StageNode:
    """One stage: its DVC name (``train@rlcr_multi``), the stages it reads from, whether its record is out of date."""

    name: str
    upstream: tuple[str, ...]
    changed: bool


def read_dag(workspace: Path, log: Callable[[str], None] = lambda _line: None) -> tuple[StageNode, ...]:
    """Return every stage of the workspace, upstream first. A DVC at work there is waited for, and named in the log.

    Raises InputError when DVC can't read the project (no repository, a broken ``dvc.yaml`` or params file), or can't
    work where it lies.
    """
    require_usable(workspace)
    said = ""
    while any(word in (reader := _read(workspace)).stderr for word in BUSY):
        if reader.stderr != said:
            said = reader.stderr
            log(f"waiting: {said.strip()}")
        time.sleep(BUSY_SECONDS)
    if reader.returncode != 0:
        lines = [line for line in reader.stderr.strip().splitlines() if line.strip()]
        raise InputError(lines[-1] if lines else f"dvc.yaml: DVC ended with exit code {reader.returncode}")
    read = json.loads(reader.stdout)
    return tuple(StageNode(stage["name"], tuple(stage["upstream"]), stage["changed"]) for stage in read)


def _read(workspace: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tasks.dag"],
        cwd=workspace,
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def select(nodes: tuple[StageNode, ...], targets: Sequence[str]) -> tuple[StageNode, ...]:
    """Keep the targets and all they depend on. ``train`` stands for every ``train@…``; no target means all stages.

    Raises InputError for a target that is no stage.
    """
    if not targets:
        return nodes
    by_name = {node.name: node for node in nodes}
    wanted: list[str] = []
    for target in targets:
        hits = [name for name in by_name if name == target or name.startswith(f"{target}@")]
        if not hits:
            raise InputError(f"targets: no stage is named {target!r}; dvc.yaml has {', '.join(by_name)}")
        wanted += hits
    kept: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept.add(name)
            wanted += by_name[name].upstream
    return tuple(node for node in nodes if node.name in kept)


def _describe() -> list[dict[str, object]]:
    import networkx
    from dvc.repo import Repo

    with Repo(_wait_for_lock=True) as repo:
        graph = repo.index.graph
        names = {stage: stage.addressing for stage in graph}
        stale = repo.status()
        order = list(networkx.lexicographical_topological_sort(graph.reverse(), key=names.__getitem__))
        levels: dict[str, int] = {}
        for stage in order:
            levels[names[stage]] = 1 + max((levels[names[dep]] for dep in graph.successors(stage)), default=0)
        return [
            {
                "name": names[stage],
                "upstream": sorted(names[dep] for dep in graph.successors(stage)),
                "changed": names[stage] in stale,
            }
            for stage in sorted(order, key=lambda stage: levels[names[stage]])
        ]


def _main() -> int:
    from dvc.exceptions import DvcException

    try:
        description = _describe()
    except DvcException as error:
        said = " ".join(str(error).split())
        if "dvc.lock'" in said:  # cut short, as by a full disk
            said += "; `git checkout dvc.lock`, or delete it: what was made is restored from DVC's cache"
        if "RWLock" in said:  # cut short by a kill
            said += "; delete it while no DVC runs here"
        sys.stderr.write(said + "\n")
        return 2
    sys.stdout.write(json.dumps(description))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
