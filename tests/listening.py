"""On which addresses a process and its children accept connections."""

import socket

import psutil

LOCAL = {"127.0.0.1", "::1"}


def listening_addresses(pid: int) -> set[str]:
    """The addresses of every listening TCP socket of the process and all below it."""
    process = psutil.Process(pid)
    found = set()
    for one in (process, *process.children(recursive=True)):
        try:
            sockets = one.net_connections(kind="tcp")
        except psutil.NoSuchProcess:
            continue
        found |= {socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN}
    return found


def addresses_of_port(port: int) -> set[str]:
    """The addresses on which anything on this machine listens at a port."""
    sockets = psutil.net_connections(kind="tcp")
    return {s.laddr.ip for s in sockets if s.status == psutil.CONN_LISTEN and s.laddr.port == port}


def free_port() -> int:
    """A port on localhost that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
