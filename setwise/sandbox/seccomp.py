"""A filter over system calls: those that no answer to a programming task needs and that open a way around a limit.

Shared memory and memory files would escape the memory limit, namespaces and mounts of its own the temporary folder's
size; the others are large pieces of kernel that untrusted code need not reach. The filter holds for all children.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import platform
import struct

from setwise.sandbox import syscalls

_X86, _ARM = 0, 1
# Name: number on x86_64, number on aarch64.
_DENIED = {
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "unshare": (272, 97),
    "setns": (308, 268),
    "clone3": (435, 435),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
_CLONE, _SOCKET, _MMAP = (56, 220), (41, 198), (9, 222)
_MAP_SHARED, _MAP_ANONYMOUS = 0x01, 0x20
"""Together they are shared memory, whose pages count for nobody who has not touched them."""
_SOCKET_FAMILIES = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6: those that a network namespace cuts off. Others, such as AF_VSOCK, reach the host."""
_ARCHITECTURES = {"x86_64": (_X86, 0xC000003E), "aarch64": (_ARM, 0xC00000B7)}
_X32_BIT = 0x40000000
_NEW_NAMESPACE = 0x7E020080
"""CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_OFFSET, _ARCH_OFFSET, _FIRST_ARGUMENT_OFFSET, _FOURTH_ARGUMENT_OFFSET = 0, 4, 16, 40
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.ENOSYS
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def deny_system_calls() -> None:
    """Install the filter for good; denied calls fail with ENOSYS. The process must have no_new_privs set.

    Raises:
        OSError: the kernel has no such filters, or the processor is not known here.
    """
    syscalls.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(system_call_filter()))


def _refused_with(call: int, argument: int, *masks: int) -> list[tuple[int, int, int, int]]:
    """Steps that refuse a system call if its argument, at this offset, has a bit of each mask set; else allow it."""
    n = len(masks)
    checks = [(_ANY_BIT, 0, n - i, mask) for i, mask in enumerate(masks)]
    ends = [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    return [(_EQUAL, 0, n + 3, call), (_LOAD, 0, 0, argument), *checks, *ends]


@functools.cache
def system_call_filter() -> _Program:
    """The filter as BPF: instructions of (code, jump if true, jump if false, operand).

    Raises:
        OSError: the processor is not known here.
    """
    if platform.machine() not in _ARCHITECTURES:
        raise OSError(f"seccomp: not known for {platform.machine()} processors")
    column, architecture = _ARCHITECTURES[platform.machine()]
    denied = [numbers[column] for numbers in _DENIED.values()]
    steps = [
        (_LOAD, 0, 0, _ARCH_OFFSET),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        (_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, _KILL),
    ]
    for number in denied:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    count = len(_SOCKET_FAMILIES)
    steps += [(_EQUAL, 0, count + 3, _SOCKET[column]), (_LOAD, 0, 0, _FIRST_ARGUMENT_OFFSET)]
    steps += [(_EQUAL, count - i, 0, family) for i, family in enumerate(_SOCKET_FAMILIES)]
    steps += [
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
        *_refused_with(_MMAP[column], _FOURTH_ARGUMENT_OFFSET, _MAP_SHARED, _MAP_ANONYMOUS),
        *_refused_with(_CLONE[column], _FIRST_ARGUMENT_OFFSET, _NEW_NAMESPACE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return _Program(len(steps), b"".join(struct.pack("HBBI", *step) for step in steps))
