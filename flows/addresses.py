"""Where the servers of ``make up`` listen, and by which names MLflow's may be asked."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from setwise.errors import InputError

LOCALHOST = "127.0.0.1"
_LOCAL = (LOCALHOST, "localhost", "[::1]")
_PRIVATE = ("10.*", "192.168.*", *(f"172.{number}.*" for number in range(16, 32)))


@dataclass(frozen=True)
class Addresses:
    """Where the servers listen."""

    host: str
    prefect_port: int
    mlflow_port: int

    @property
    def prefect(self) -> str:
        """The Prefect pages."""
        return f"http://{self.host}:{self.prefect_port}"

    @property
    def mlflow(self) -> str:
        """The MLflow pages."""
        return f"http://{self.host}:{self.mlflow_port}"

    def settings(self) -> dict[str, str]:
        """The variables that say the same."""
        ports = {"SETWISE_PREFECT_PORT": str(self.prefect_port), "SETWISE_MLFLOW_PORT": str(self.mlflow_port)}
        return {"SETWISE_HOST": self.host, **ports}

    def mlflow_names(self) -> dict[str, str]:
        """MLflow's variables for the names it is asked by; without them it knows localhost and private addresses alone.

        None on localhost, and none where MLFLOW_SERVER_ALLOWED_HOSTS says which.
        """
        if self.host == LOCALHOST or os.environ.get("MLFLOW_SERVER_ALLOWED_HOSTS"):
            return {}
        names = dict.fromkeys([self.host, socket.gethostname(), socket.getfqdn(), *_LOCAL, *_PRIVATE])
        asked = [f"{name}{port}" for name in names for port in ("", f":{self.mlflow_port}")]
        pages = [f"http://{name}:{self.mlflow_port}" for name in names]
        return {
            "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(asked),
            "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(pages),
        }


def addresses(environment: Mapping[str, str] = os.environ) -> Addresses:
    """Return where to listen: localhost, ports 4200 and 5000, unless ``SETWISE_HOST``, ``…_PREFECT_PORT`` or
    ``…_MLFLOW_PORT`` say otherwise. Raises InputError for a port that is no number.
    """
    ports = []
    for name, default in (("SETWISE_PREFECT_PORT", "4200"), ("SETWISE_MLFLOW_PORT", "5000")):
        text = environment.get(name, default)
        if not text.isdecimal() or not 0 < int(text) < 65536:
            raise InputError(f"{name}={text!r}: not a port; use a number from 1 to 65535")
        ports.append(int(text))
    return Addresses(environment.get("SETWISE_HOST") or LOCALHOST, *ports)
