"""TCP ports: is one free, which ones are, and what to say when one is not."""

import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack

from service.embedded.missing import Missing

LOOPBACK = "127.0.0.1"


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


def choose_free(count: int, host: str = LOOPBACK) -> tuple[int, ...]:
    """Return `count` different ports that the system just gave out and took back."""
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
