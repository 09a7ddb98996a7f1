"""`preread run`: the same pipeline on files, with no network, no broker and no server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from pydicom.uid import UID

from service.adapters.configuration.toml import NODES, RULES
from service.bootstrap import silent
from service.cli.config import text_of
from service.cli.files import files_under
from service.cli.fleet import environment
from service.cli.intake import SOURCE, Taken, take_in
from service.domain.delivery import DeliveryState
from service.domain.errors import Misconfigured, Unavailable
from service.domain.report import Outcome
from service.embedded.keep import end_with_parent
from service.flow.assemble import hand_over
from service.ports.ledger import Admission
from service.ports.services import Services
from service.settings import Settings
from workers.lanes import drain_all

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "examples" / "run" / RULES
SOME_NOT_READ = 3
ENGINE_S = 120


def run(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(exists=True, help="A DICOM file, or a folder of them.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the results.")],
    rules: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="rules.toml to use.")] = EXAMPLE,
) -> None:
    """Read the studies under PATH and write their results to OUT; one JSON line per input file.

    Exit 0 if every file was read, 3 if some were not.
    """
    files = files_under(path)
    if not files:
        raise Misconfigured(f"no file lies under {path}")
    out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that nothing is left behind
    with tempfile.TemporaryDirectory(prefix="preread-run-") as folder:
        settings = context.obj.model_copy(update={"data": Path(folder), "database": "", "disk_reserve_bytes": 0})
        with _engine(settings) as settings:
            services = silent(settings, process="run")
            services.ledger.upgrade()
            services.configurations.apply({RULES: text_of(rules), NODES: _nodes(rules, out)}, by="run")
            lines = _read(files, services)
            services.ledger.close()
    for line in lines:
        print(json.dumps(line, ensure_ascii=False))
    raise typer.Exit(0 if all(line["state"] == "read" for line in lines) else SOME_NOT_READ)


def _read(files: list[Path], services: Services) -> list[dict[str, str]]:
    taken = take_in(files, services)
    version = services.configurations.active()
    for study in dict.fromkeys(one.study_instance_uid for one in taken if one.admission is Admission.NEW):
        hand_over(UID(study), services.ledger, version, clock=services.clock, bell=services.bell)
    drain_all(services, worker="run")
    return [{"file": str(one.file), **_fate(one, services)} for one in taken]


def _fate(one: Taken, services: Services) -> dict[str, str]:
    """What became of one file: state and reason."""
    if one.admission is None:
        return {"state": one.reason.split(":")[0], "reason": one.reason.split(": ", 1)[-1]}
    if one.admission is Admission.CONFLICT:
        return {
            "state": "conflict",
            "reason": "the same SOP Instance UID came before with other pixels; the first is kept",
        }
    record = services.catalogue.record(UID(one.study_instance_uid))
    if record is None or not record.jobs:
        return {"state": "unmatched", "reason": record.row.note if record else "it belongs to no study"}
    job = record.jobs[-1]
    undelivered = [d.delivery.last_error for d in record.deliveries if d.delivery.state is not DeliveryState.SENT]
    if undelivered:
        return {"state": "not written", "reason": undelivered[0]}
    if job.outcome != Outcome.ANALYSED:
        return {"state": job.outcome or str(job.job.state).lower(), "reason": job.job.reason}
    looked_at = {image["sop_instance_uid"] for image in json.loads(job.report)["images"]}
    if one.sop_instance_uid not in looked_at:
        return {"state": "not read", "reason": "its study was read without it: no model reads this image"}
    return {"state": "read", "reason": ""}


def _nodes(rules: Path, out: Path) -> str:
    """Every destination that the rules name becomes the folder `out`."""
    try:
        asked = tomllib.loads(text_of(rules)).get("rule", [])
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{rules}: not valid TOML: {error}") from error
    names = sorted({name for rule in asked for name in rule.get("destinations", [])})
    source = f'[[source]]\nname = "{SOURCE}"\nae_title = "FILES"\nnetworks = ["127.0.0.0/8"]\n'
    return source + "".join(
        f'[[destination]]\nname = "{name}"\nurl = {json.dumps(out.resolve().as_uri())}\n' for name in names
    )


@contextmanager
def _engine(settings: Settings) -> Iterator[Settings]:
    """Settings with a model server: the configured one, else the local engine for as long as this lasts."""
    if settings.models.url:
        yield settings
        return
    path = settings.data / "engine.sock"
    repositories = settings.model_repositories
    folders = [word for folder in repositories for word in ("--repository", str(folder))]
    command = [sys.executable, str(repositories[-1] / "engine" / "local.py"), *folders, "--socket", str(path)]
    log = (settings.data / "engine.log").open("wb")
    ours = os.getpid()
    with subprocess.Popen(
        command,
        stdout=log,
        stderr=log,
        env=environment(settings, os.environ),
        preexec_fn=lambda: end_with_parent(ours),  # nothing else runs in this process yet
    ) as engine:
        try:
            _await(engine, path, settings.data / "engine.log")
            yield settings.model_copy(update={"models": settings.models.model_copy(update={"url": f"unix:{path}"})})
        finally:
            engine.terminate()
            log.close()


def _await(engine: subprocess.Popen[bytes], path: Path, log: Path) -> None:
    deadline = time.monotonic() + ENGINE_S
    while not path.exists():
        if engine.poll() is not None or time.monotonic() > deadline:
            said = log.read_text(errors="replace").strip().splitlines()
            raise Unavailable(f"the local engine did not start: {said[-1] if said else 'it said nothing'}")
        time.sleep(0.05)
