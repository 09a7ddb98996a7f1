"""A PostgreSQL cluster for one test run: its own folder, a unix socket, no TCP port, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

_USER = "preread"


class Cluster:
    """Started with `with`; as root it runs as the user postgres, because PostgreSQL refuses root."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="preread-pg-", dir="/tmp"))  # a socket's path must be short
        self._as = "postgres" if os.geteuid() == 0 else None

    @staticmethod
    def problem() -> str | None:
        """Why no cluster can be started here; None if one can."""
        if _programs() is None:
            return "PostgreSQL is not installed (no initdb in /usr/lib/postgresql/*/bin or on the PATH)"
        if os.geteuid() == 0 and not any(entry.pw_name == "postgres" for entry in pwd.getpwall()):
            return "PostgreSQL does not run as root and there is no user postgres"
        return None

    def __enter__(self) -> Self:
        if self._as:
            shutil.chown(self.folder, self._as)
        self._run("initdb", "-D", str(self.data), "-A", "trust", "-U", _USER, "-E", "UTF8", "--no-sync")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write(f"listen_addresses = ''\nunix_socket_directories = '{self.folder}'\n")
            file.write("fsync = off\nmax_connections = 200\nlog_min_messages = panic\n")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.folder / "log"), "start")

    def stop(self) -> None:
        """At once, as a power cut would."""
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "-w", "stop")

    def create(self, name: str) -> str:
        """Create a database and return its URL."""
        statement = f"CREATE DATABASE {name} TEMPLATE template0"
        self._run("psql", "-h", str(self.folder), "-U", _USER, "-q", "-c", statement, "postgres")
        return f"postgresql+pg8000://{_USER}@/{name}?unix_sock={self.folder}/.s.PGSQL.5432"

    def _run(self, program: str, *arguments: str) -> None:
        folder = _programs()
        assert folder is not None
        # The server inherits the standard streams: a pipe would never end.
        subprocess.run(
            [str(folder / program), *arguments],
            check=True,
            user=self._as,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def _programs() -> Path | None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if installed:
        return installed[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None
