"""Where a program runs: a read-only file tree without network around the worker, fresh namespaces around each program.

Inside, a program is an unprivileged user with no capability, sees only its own processes and the interpreter's files,
and can write to a `/tmp` of its own. A worker started by root maps that user to "nobody": user 0 outside would still
own root's files and the kernel's settings.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from setwise.sandbox import syscalls as sc
from setwise.sandbox.job import Limits

INSIDE_ID = 1000
NOBODY = 65534
_DEVICES = tuple(Path(path) for path in ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom", "/proc"))
"""With `/proc`, from which the worker names its children; every program gets another one over it. Not `/dev/zero`: a
shared mapping of it is shared memory that no limit holds."""
_MOUNT_POINTS = ("/mnt", "/tmp", "/run", "/var")
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/localtime", "/nix/store")
_FRESH = sc.CLONE_NEWNS | sc.CLONE_NEWNET | sc.CLONE_NEWIPC | sc.CLONE_NEWUTS


def visible_paths() -> list[Path]:
    """What a program may read: the system's libraries and the interpreter with its standard library."""
    paths = [Path(path) for path in _SYSTEM if Path(path).exists()]
    base = Path(sys.base_prefix)
    return paths if base.is_relative_to("/usr") else [*paths, base]


def hidden_interpreter() -> str:
    """Why no program could see this interpreter, and what to do; empty where it can."""
    base = Path(sys.base_prefix)
    if not any(path.is_relative_to("/tmp") for path in (base, base.resolve())):
        return ""
    return f"Python lies in {base}, and a program's /tmp is its own: use a Python that is installed outside /tmp"


def bubblewrap_command(bwrap: str, package: Path, shown_at: Path) -> list[str]:
    """`bwrap` with the options that build the same wall as `build_wall`; the worker's command follows.

    The worker starts inside, so its own code, the folder `package`, must be readable there: at `shown_at`.
    """
    command = [bwrap, "--unshare-net", "--unshare-ipc", "--unshare-uts"]
    if os.geteuid() == 0:
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_KILL"]
    else:
        command += ["--unshare-user"]
    shown = [(path, path) for path in visible_paths()] + [(package, shown_at)]
    parents = {parent for _, target in shown for parent in target.parents} | {Path("/tmp")}
    for directory in sorted(parents - {Path("/")}):
        command += ["--perms", "0755", "--dir", str(directory)]  # or they take the mode of what they lead to
    for path, target in shown:
        if path.is_symlink():
            command += ["--symlink", str(path.readlink()), str(target)]
        else:
            command += ["--ro-bind", str(path), str(target)]
    for path in _DEVICES:
        command += ["--dev-bind", str(path), str(path)]
    return [*command, "--chdir", "/", "--remount-ro", "/"]


def build_wall() -> None:
    """Put this process into a read-only tree of `visible_paths` and devices, without network. It must be alone in it.

    Raises:
        OSError: this kernel or container does not allow it; the message names the call.
    """
    user = os.geteuid()
    if user == 0:
        os.setgroups([])
        sc.unshare(_FRESH)
    else:
        group = os.getegid()
        sc.unshare(_FRESH | sc.CLONE_NEWUSER)
        _write_maps("self", (user, user), (group, group))
    sc.mount("none", "/", flags=sc.MS_REC | sc.MS_PRIVATE)
    visible = visible_paths()
    root = next(point for point in map(Path, _MOUNT_POINTS) if point.is_dir() and not _is_above(point, visible))
    sc.mount("tmpfs", str(root), "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, "mode=755")
    for path in visible:
        _show(path, root / path.relative_to("/"))
    for path in _DEVICES:
        _bind(path, root / path.relative_to("/"))
    (root / "tmp").mkdir()
    (root / "old").mkdir()
    sc.pivot_root(str(root), str(root / "old"))
    os.chdir("/")
    sc.detach("/old")
    Path("/old").rmdir()
    sc.mount("none", "/", flags=sc.MS_REMOUNT | sc.MS_BIND | sc.MS_RDONLY | sc.MS_NOSUID | sc.MS_NODEV)


def _is_above(point: Path, paths: Sequence[Path]) -> bool:
    return any(path.is_relative_to(point) for path in paths)


def _show(path: Path, target: Path) -> None:
    if path.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path.readlink())
    else:
        _bind(path, target)
        sc.set_mount_attributes(str(target), sc.MOUNT_ATTR_RDONLY | sc.MOUNT_ATTR_NOSUID | sc.MOUNT_ATTR_NODEV)


def _bind(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    sc.mount(str(path), str(target), flags=sc.MS_BIND | sc.MS_REC)


def clone_inside(limits: Limits) -> int:
    """Fork a child that is process 1 of fresh, furnished namespaces; its process id in the parent, 0 in the child.

    Raises:
        OSError: a call is not allowed here (in the parent or in the child).
    """
    waiting, mapped = os.pipe()
    pid = sc.clone(_FRESH | sc.CLONE_NEWUSER | sc.CLONE_NEWPID)
    if pid:
        os.close(waiting)
        outside = (NOBODY, NOBODY) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
        try:
            _write_maps(str(pid), (INSIDE_ID, outside[0]), (INSIDE_ID, outside[1]))
            os.write(mapped, b"m")
        finally:
            os.close(mapped)
        return pid
    os.close(mapped)
    if os.read(waiting, 1) != b"m":
        raise OSError("the user namespace got no user")
    os.close(waiting)
    _furnish(limits)
    return 0


def _write_maps(process: str, user: tuple[int, int], group: tuple[int, int]) -> None:
    """Map one user and one group, each (inside, outside), into the user namespace of `process`."""
    directory = Path("/proc", process)
    (directory / "setgroups").write_text("deny")
    (directory / "uid_map").write_text(f"{user[0]} {user[1]} 1")
    (directory / "gid_map").write_text(f"{group[0]} {group[1]} 1")


def _furnish(limits: Limits) -> None:
    os.setresgid(INSIDE_ID, INSIDE_ID, INSIDE_ID)
    os.setresuid(INSIDE_ID, INSIDE_ID, INSIDE_ID)
    sc.prctl(sc.PR_SET_PDEATHSIG, 9)
    sc.mount("none", "/", flags=sc.MS_REC | sc.MS_PRIVATE)
    options = f"mode=700,size={limits.temporary_bytes},nr_inodes=4096"
    sc.mount("tmpfs", "/tmp", "tmpfs", sc.MS_NOSUID | sc.MS_NODEV, options)
    try:
        sc.mount("proc", "/proc", "proc", sc.MS_NOSUID | sc.MS_NODEV | sc.MS_NOEXEC)
    except PermissionError:  # containers that mask parts of /proc forbid a second one: then none at all
        sc.mount("tmpfs", "/proc", "tmpfs", sc.MS_RDONLY | sc.MS_NOSUID | sc.MS_NODEV, "size=4k")
    with contextlib.suppress(FileNotFoundError):
        Path("/proc/sys/user/max_user_namespaces").write_text("0")  # no namespaces of its own, no mounts
    os.chdir("/tmp")
