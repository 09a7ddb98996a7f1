"""The processes of one installation, and the embedded parts beside them, as the supervisor starts them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from service.adapters.cards import find_card
from service.cli.budget import over_budget
from service.domain.errors import Misconfigured
from service.embedded import redis, triton
from service.embedded.folders import cache_folder, private, socket_path
from service.embedded.missing import Missing
from service.embedded.ports import choose_free, require_free
from service.embedded.supervisor import Process
from service.settings import Settings, as_environment

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What `up` starts."""

    settings: Settings
    """With the addresses of the embedded parts filled in."""
    processes: tuple[Process, ...]
    engine: str
    """Which model server answers, in words."""


def preread(*arguments: str) -> tuple[str, ...]:
    """The command line of one of our own processes, whatever the current folder and PATH."""
    return (sys.executable, "-P", "-c", "from service.cli import main; main()", *arguments)


def assemble(settings: Settings, *, say: Say) -> Fleet:
    """Find or fetch what is embedded and name every process.

    Raises Missing with one sentence for each port that is taken, or for a part that cannot be had.
    """
    require_ports(settings)
    private(settings.data)
    parts: list[Process] = []
    if not settings.broker:
        process, url = _redis(settings, say)
        parts.append(process)
        settings = settings.model_copy(update={"broker": url})
    engine = f"model server at {settings.models.url}"
    if not settings.models.url:
        process, url, engine = _model_server(settings, say)
        parts.append(process)
        settings = settings.model_copy(update={"models": settings.models.model_copy(update={"url": url})})
    return Fleet(settings=settings, processes=(*parts, *_own(settings)), engine=engine)


def require_ports(settings: Settings) -> None:
    """Raises Missing with one sentence for each port that is taken."""
    require_free({
        "PREREAD_SCP__PORT": (settings.scp.port, "DICOM"),
        "PREREAD_WEB__PORT": (settings.web.port, "pages"),
    })  # fmt: skip


def environment(settings: Settings, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which one of our processes has `settings`."""
    inherited = {k: v for k, v in (environ or os.environ).items() if not k.startswith("PREREAD_SETTINGS")}
    return {**inherited, **as_environment(settings), "ORT_DISABLE_TELEMETRY": "1"}


def _own(settings: Settings) -> tuple[Process, ...]:
    variables = environment(settings)

    def process(name: str, *arguments: str) -> Process:
        return Process(name=name, command=preread(*arguments), environment=variables)

    return (
        process("scp", "scp"),
        process("reader", "worker", "--lane", "read"),
        process("sender", "worker", "--lane", "deliver"),
        process("sweep", "sweep"),
        process("web", "web"),
    )


def _redis(settings: Settings, say: Say) -> tuple[Process, str]:
    socket = socket_path(settings.data / "redis", "redis.sock")
    folder = private(settings.data / "redis")
    server = redis.find(cache_folder(os.environ), say)
    command = redis.command(server, socket=socket, folder=folder)
    return Process(name="redis", command=command), f"redis+socket://{socket}"


def _model_server(settings: Settings, say: Say) -> tuple[Process, str, str]:
    """Triton where it runs; the same engine in a process of its own where it does not, said plainly."""
    repositories = settings.model_repositories
    private(settings.own_models)  # Triton refuses a repository that is not there
    cards = [find_card(name, repositories) for name in model_names(repositories)]
    machine_mb = psutil.virtual_memory().total // (1 << 20)
    if reason := over_budget(cards, given_mb=settings.models.memory_mb, machine_mb=machine_mb):
        raise Misconfigured(reason)
    try:
        found = triton.install(cache_folder(os.environ), say)
    except Missing as missing:
        say(f"Triton cannot run here: {missing} The local engine takes over: same models, no Triton.")
        socket = socket_path(settings.data / "engine", "engine.sock")
        process = Process(name="engine", command=local_engine(settings, socket))
        return process, f"unix:{socket}", "local engine, no Triton"
    ports = triton.Ports(*choose_free(3))
    command = found.command(
        repositories=repositories, models=model_names(repositories), ports=ports, log=settings.data / "triton.log"
    )
    process = Process(
        name="triton",
        command=command,
        environment=found.environment(os.environ, device=settings.models.device),
        shared_memory=triton.shared_memory_prefix(ports),
    )
    return process, f"127.0.0.1:{ports.grpc}", "Triton"


def local_engine(settings: Settings, socket: Path) -> tuple[str, ...]:
    """The command line of the engine without Triton, on `socket`."""
    repositories = settings.model_repositories
    folders = [word for folder in repositories for word in ("--repository", str(folder))]
    device = ("--device", settings.models.device) if settings.models.device else ()
    script = repositories[-1] / "engine" / "local.py"
    return (sys.executable, str(script), *folders, *device, "--socket", str(socket))


def model_names(repositories: tuple[Path, ...]) -> tuple[str, ...]:
    """Every folder with a Triton configuration."""
    return tuple(sorted({file.parent.name for folder in repositories for file in folder.glob("*/config.pbtxt")}))
