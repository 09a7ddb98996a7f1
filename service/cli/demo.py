"""`preread demo`: the whole way on one machine, from C-STORE to a Structured Report in an archive."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import psutil
import typer

from service.bootstrap import silent
from service.cli import archives, fleet
from service.cli.addresses import alone
from service.cli.claims import Claims
from service.cli.drive import Driver
from service.cli.processes.lifetime import until_told
from service.cli.show import console
from service.embedded.folders import cache_folder, private, require_space
from service.embedded.ports import LOOPBACK, choose_free
from service.embedded.supervisor import supervise
from service.settings import Settings

EXAMPLES = Path(__file__).resolve().parents[2] / "deploy" / "examples"
NEEDED_BYTES = 500 * 10**6
LAST_PORT = 65535


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a person asked of a demo."""

    path: Path | None
    once: bool
    scp_port: int | None
    web_port: int | None


def demo(
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(exists=True, help="Send the DICOM files under PATH instead.")] = None,
    once: Annotated[bool, typer.Option(help="End after the report, with exit code 0.")] = False,
    data: Annotated[
        Path | None, typer.Option(file_okay=False, help="Keep everything in this folder; it may be used again.")
    ] = None,
    scp_port: Annotated[
        int | None, typer.Option(min=1, max=LAST_PORT, help="DICOM port; a free one from 11112 on without it.")
    ] = None,
    web_port: Annotated[
        int | None, typer.Option(min=1, max=LAST_PORT, help="Port of the pages; a free one from 8042 on without it.")
    ] = None,
) -> None:
    """Start everything, send a chest study, print the report that came back; until Ctrl-C."""
    wanted = Wanted(path=path, once=once, scp_port=scp_port, web_port=web_port)
    with _folder(data) as folder:
        require_space(folder, NEEDED_BYTES, "The demo (in another folder with --data DIR)")
        code = _run(context.obj, wanted, folder)
    raise typer.Exit(code)


def archive(folder: Path, port: int = 4242, ae_title: str = "ARCHIVE") -> None:
    """The small archive of demos without Orthanc."""
    from dicom_nodes.archive import KeepingArchive

    keeper = KeepingArchive(folder, ae_title=ae_title, port=port)
    keeper.start()
    until_told()
    keeper.stop()


def _run(given: Settings, wanted: Wanted, folder: Path) -> int:
    claims = Claims(Path(tempfile.gettempdir()) / f"preread-{os.getuid()}-ports")
    with alone(folder, _say) as held:
        console.print("preread demo: a study in, a Structured Report back, on this machine alone")
        found = fleet.assemble(_settings(given, wanted, folder, claims), say=_say)
        held.post(found.settings)
        code = _drive(found, wanted, folder)
    claims.close()
    return code


def _drive(found: fleet.Fleet, wanted: Wanted, folder: Path) -> int:
    settings = found.settings
    archive_ports = choose_free(2)
    peers = {settings.scp.ae_title: ("127.0.0.1", settings.scp.port)}
    store = archives.choose(folder / "archive", archive_ports, peers)
    processes = (store.process(), *found.processes)
    services = silent(settings, process="demo")
    services.ledger.upgrade()
    services.configurations.apply(_configuration(archive_ports[0]), by="demo")
    services.ledger.close()
    driver = Driver(
        services,
        store,
        wanted.path,
        engine=found.engine,
        once=wanted.once,
        started=lambda: len(psutil.Process().children()) >= len(processes),
        finished=_end,
    )
    threading.Thread(target=driver.run, name="demo", daemon=True).start()
    log = folder / "processes.log"
    with log.open("a", encoding="utf-8") as out:
        code = supervise(processes, out=out)
    services.ledger.close()
    return driver.exit_code if driver.exit_code is not None else _told(code, log)


def _told(code: int, log: Path) -> int:
    """Ctrl-C and SIGTERM are how a demo ends; anything else is told with the last lines of the log."""
    if code in {130, 143}:
        console.print("\nended; every process it started is gone")
        return 0
    console.print("a process ended for good; the last lines of its log:")
    console.print("\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]))
    return code or 1


def _end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _say(text: str) -> None:
    console.print(f"  {text}")


def _settings(given: Settings, wanted: Wanted, folder: Path, claims: Claims) -> Settings:
    """A demo's own: whatever database, broker and addresses a site has set, a demo stays away from them."""
    ports = {
        "scp": claims.exactly(wanted.scp_port, "--scp-port", "DICOM") if wanted.scp_port else claims.near(11112),
        "web": claims.exactly(wanted.web_port, "--web-port", "pages") if wanted.web_port else claims.near(8042),
    }
    return given.model_copy(
        update={
            "data": folder,
            "database": "",
            "broker": "",
            "disk_reserve_bytes": 50 * 10**6,
            "scp": given.scp.model_copy(update={"host": LOOPBACK, "port": ports["scp"]}),
            "web": given.web.model_copy(update={"host": LOOPBACK, "port": ports["web"]}),
        }
    )


def _configuration(archive_port: int) -> dict[str, str]:
    texts = {name: (EXAMPLES / "demo" / name).read_text(encoding="utf-8") for name in ("nodes.toml", "rules.toml")}
    return {name: text.replace("{archive_port}", str(archive_port)) for name, text in texts.items()}


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    """The folder that a person wants to keep, or one of our own that goes with the demo."""
    if kept is not None:
        yield private(kept.absolute())
        return
    base = private(cache_folder(os.environ) / "demos")
    for old in base.glob("demo-*-*"):
        owner = old.name.split("-")[1]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"demo-{os.getpid()}-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
