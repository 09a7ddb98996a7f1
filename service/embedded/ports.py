"""TCP ports: is one free, which ones are, and what to say when one is not."""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cache
from itertools import islice
from pathlib import Path

from service.embedded.folders import private
from service.embedded.missing import Missing

LOOPBACK = "127.0.0.1"
SERVERS = range(20_000, 32_768)
"""Where ports are chosen: beyond those of well-known services, below those that Linux and macOS give to connections."""
CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""The ports that Linux gives to connections, and to whoever asks for any port: the first and the last."""


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on `host`:`port` now.

    SO_REUSEADDR is what every server here sets, too: connections in TIME_WAIT do not make a port taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def before_connections(told: str) -> range:
    """Return SERVERS without the ports from which on, as `told` ("first last"), connections have theirs."""
    first, last = map(int, told.split())
    return range(SERVERS.start, max(SERVERS.start, min(SERVERS.stop, first))) if last >= SERVERS.start else SERVERS


def choose_free(count: int, host: str = LOOPBACK) -> tuple[int, ...]:
    """Return `count` different ports that are free and that nobody is given while this process lives.

    They lie outside of what the system gives to connections: else a server that starts seconds later, or is started
    again after a crash, may find its port taken by any connection of the machine. Where connections have them all, they
    are ports that the system just gave out and took back.
    """
    own = before_connections(CONNECTIONS.read_text() if CONNECTIONS.exists() else f"{SERVERS.stop} 65535")
    drawn = (port for port in random.sample(own, len(own)) if is_free(port, host) and _given().take(port))
    found = tuple(islice(drawn, count))
    return (*found, *_of_the_system(count - len(found), host))


class Given:
    """Ports that were given to processes of this user: locked bytes of a file, each as far in it as the port says.

    The kernel lets go of a lock when its process ends, however it ends.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Their file lies in `folder`, which is made private; else in one of the user's beside temporary files."""
        self._folder = folder
        self._opened: tuple[int, int | None] | None = None
        self._ours: set[int] = set()

    def take(self, port: int) -> bool:
        """Whether nobody had `port`; it is ours from now on. True as well where nothing can be locked."""
        if self._opened is None or self._opened[0] != os.getpid():  # a forked child inherits no locks
            self._opened, self._ours = (os.getpid(), self._open()), set()
        if port in self._ours:  # a process does not stand in its own way
            return False
        try:
            if (descriptor := self._opened[1]) is not None:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:  # a file system without locks
            pass
        self._ours.add(port)
        return True

    def _open(self) -> int | None:
        """The file, which stays open: closing it would let go of every lock that this process has on it."""
        try:
            folder = self._folder or Path(tempfile.gettempdir()) / f"preread-{os.getuid()}-ports"
            return os.open(private(folder) / "given", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:  # no temporary folder, or one that cannot be written to
            return None


@cache
def _given() -> Given:
    return Given()


def _of_the_system(count: int, host: str) -> tuple[int, ...]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket(family, socket.SOCK_STREAM)) for _ in range(count)]
        for probe in probes:
            probe.bind((host, 0))
        return tuple(probe.getsockname()[1] for probe in probes)


def taken(port: int, purpose: str, setting: str) -> str:
    """Return the sentence that says who wanted `port` and how to choose another one."""
    return (
        f"Port {port} ({purpose}) is in use by another program: stop that program, "
        f"or choose another port with {setting}=NUMBER."
    )


def require_free(
    wanted: Mapping[str, tuple[int, str]], host: str = LOOPBACK, *, free: Callable[[int, str], bool] = is_free
) -> None:
    """Check every port of `wanted` (setting -> port, purpose) before anything is started.

    Raises Missing with a sentence for each port that is taken, or wanted twice.
    """
    said: list[str] = []
    owners: dict[int, str] = {}
    for setting, (port, purpose) in wanted.items():
        if port in owners:
            said.append(f"{owners[port]} and {setting} both ask for port {port}: choose another one for {setting}.")
        elif not free(port, host):
            said.append(taken(port, purpose, setting))
        owners.setdefault(port, setting)
    if said:
        raise Missing(" ".join(said))
