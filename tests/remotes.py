"""DVC remotes of several kinds on this machine, each with a server of its own that can be stopped and started again."""

import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path

import asyncssh
import boto3

SSH_SERVER = """
import asyncio, sys, asyncssh

async def serve(port, host_key, users):
    server = await asyncssh.listen(
        "127.0.0.1", int(port), server_host_keys=[host_key], authorized_client_keys=users, sftp_factory=True
    )
    await server.wait_closed()

asyncio.run(serve(*sys.argv[1:]))
"""


class FolderRemote:
    """A folder; nothing serves it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "remote"
        self.url = str(self.root)
        self.options: dict[str, str] = {}
        self.environment: dict[str, str] = {}

    def set_for(self, clone: Path) -> None:
        """Make it the default remote of a DVC workspace."""
        for words in (
            ["add", "--force", "--default", "store", self.url],
            *(["modify", "store", *option] for option in self.options.items()),
        ):
            subprocess.run([sys.executable, "-m", "dvc", "--quiet", "remote", *words], cwd=clone, check=True)

    def names(self, under: str) -> list[str]:
        """The files on the remote below a folder, by their paths from there."""
        found = (self.root / under).rglob("*")
        return sorted(path.relative_to(self.root / under).as_posix() for path in found if path.is_file())

    def start(self) -> None:
        """Serve it."""

    def stop(self) -> None:
        """No longer serve it."""


class ServedRemote(FolderRemote, ABC):
    """A remote behind a server on this machine."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._server: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """What serves it."""

    def start(self) -> None:
        self._server = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError(f"{self.command()} does not come up")

    def stop(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()


class SSHRemote(ServedRemote):
    """A folder over SFTP."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._keys = folder
        for name in ("host", "user"):
            key = asyncssh.generate_private_key("ssh-ed25519")
            key.write_private_key(str(folder / name))
            key.write_public_key(str(folder / f"{name}.pub"))
        self.url = f"ssh://127.0.0.1{self.root}"
        self.options = {"port": str(self.port), "user": "someone", "keyfile": str(folder / "user")}

    def command(self) -> list[str]:
        keys = (str(self._keys / "host"), str(self._keys / "user.pub"))
        return [sys.executable, "-c", SSH_SERVER, str(self.port), *keys]


class S3Remote(ServedRemote):
    """A bucket of moto's S3, which forgets everything when it stops."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = "s3://bucket/store"
        self._address = f"http://127.0.0.1:{self.port}"
        self.options = {"endpointurl": self._address}
        self.environment = {
            "AWS_ACCESS_KEY_ID": "planted-access-key",
            "AWS_SECRET_ACCESS_KEY": "planted-secret-key",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def command(self) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def start(self) -> None:
        super().start()
        self._client().create_bucket(Bucket="bucket")

    def names(self, under: str) -> list[str]:
        prefix = f"store/{under}/"
        pages = self._client().get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
        return sorted(one["Key"].removeprefix(prefix) for page in pages for one in page.get("Contents", []))

    def _client(self):
        keys = {name.lower(): value for name, value in self.environment.items() if "KEY" in name}
        return boto3.client("s3", endpoint_url=self._address, region_name="us-east-1", **keys)


KINDS = {"folder": FolderRemote, "s3": S3Remote, "ssh": SSHRemote}
