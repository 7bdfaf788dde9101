"""The Linux system calls the sandbox needs and Python 3.11 does not offer, each raising OSError when it fails."""

from __future__ import annotations

import ctypes
import os
import platform
import signal

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV = 1, 2, 4

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_CAPABILITY_VERSION_3 = 0x20080522

# Numbers of the calls without a wrapper in every C library. mount_setattr is the same everywhere.
_CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine())
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}.get(platform.machine())
_CAPSET = {"x86_64": 126, "aarch64": 91}.get(platform.machine())
_MOUNT_SETATTR = 442

# PyDLL keeps the interpreter lock, so that a child made by clone() finds it held by the one thread it has.
_libc = ctypes.PyDLL(None, use_errno=True)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(number: int | None, what: str, *arguments: object) -> int:
    if number is None:
        raise OSError(f"{what}: not known for {platform.machine()} processors")
    _libc.syscall.restype = ctypes.c_long
    return _checked(_libc.syscall(ctypes.c_long(number), *arguments), what)


def clone(flags: int) -> int:
    """Fork into fresh namespaces; the process id in the parent, 0 in the child. For single-threaded processes."""
    zero = ctypes.c_long(0)
    pid = _syscall(_CLONE, "clone", ctypes.c_long(flags | signal.SIGCHLD), zero, zero, zero, zero)
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    return pid


def unshare(flags: int) -> None:
    """Put this process into fresh namespaces."""
    _checked(_libc.unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    arguments = (source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), options.encode())
    _checked(_libc.mount(*arguments), f"mount {kind or source} on {target}")


def detach(target: str) -> None:
    """Unmount `target` now, its contents when the last user of them is gone."""
    _checked(_libc.umount2(target.encode(), MNT_DETACH), f"unmount {target}")


def set_mount_attributes(target: str, attributes: int) -> None:
    """Set mount attributes such as read-only on `target` and on everything mounted below it (Linux 5.12)."""
    structure = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    path, size = ctypes.c_char_p(target.encode()), ctypes.c_size_t(ctypes.sizeof(structure))
    directory, flags = ctypes.c_int(_AT_FDCWD), ctypes.c_uint(_AT_RECURSIVE)
    _syscall(_MOUNT_SETATTR, f"mount_setattr {target}", directory, path, flags, structure, size)


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root of this mount namespace and put the old root at `old`."""
    _syscall(_PIVOT_ROOT, "pivot_root", ctypes.c_char_p(new.encode()), ctypes.c_char_p(old.encode()))


def prctl(option: int, value: int, second: int = 0) -> None:
    """prctl(2) with one or two arguments."""
    arguments = (ctypes.c_ulong(value), ctypes.c_ulong(second), ctypes.c_ulong(0), ctypes.c_ulong(0))
    _checked(_libc.prctl(option, *arguments), f"prctl {option}")


def drop_capabilities() -> None:
    """Give up every capability for good, over this namespace too; no set-uid file gives one back."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _syscall(_CAPSET, "capset", header, (ctypes.c_uint32 * 6)())
    prctl(PR_SET_NO_NEW_PRIVS, 1)
