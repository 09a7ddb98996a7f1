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
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from pydicom.uid import UID

from dicom_nodes.destinations.folder import file_stem
from service.adapters.configuration.toml import NODES, RULES
from service.bootstrap import silent
from service.cli.config import text_of
from service.cli.files import files_under
from service.cli.fleet import environment, local_engine
from service.cli.intake import SOURCE, Taken, take_in
from service.cli.tryout import OUT, TriedOut, in_shadow
from service.domain.delivery import DeliveryState
from service.domain.errors import Misconfigured, Unavailable
from service.domain.report import Outcome
from service.embedded.keep import end_with_parent
from service.flow.assemble import hand_over
from service.ports.catalogue import JobRecord, StudyRecord
from service.ports.ledger import Admission
from service.ports.services import Services
from service.settings import Settings
from workers.lanes import drain_all

EXAMPLE = Path(__file__).resolve().parents[2] / "deploy" / "examples" / "run" / RULES
SOME_NOT_READ = 3
ENGINE_S = 120
WRITTEN = {"read", *Outcome}
"""States of a file whose study's results say what was read of it."""


def run(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(exists=True, help="A DICOM file, or a folder of them.")],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for the results.")],
    rules: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="rules.toml to use.")] = EXAMPLE,
) -> None:
    """Read the studies under PATH and write their results to OUT; one JSON line per input file.

    Rules in shadow write, too: nothing leaves this folder. Exit 0 if every file was read, 3 if some were not.
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
            given = services.configurations.apply({RULES: text_of(rules), NODES: _nodes(rules, out)}, by="run")
            services = replace(services, configurations=TriedOut(services.configurations))
            lines = _read(files, services, out, in_shadow(given.configuration))
            services.ledger.close()
    for line in lines:
        print(json.dumps(line, ensure_ascii=False))
    raise typer.Exit(0 if all(line["state"] == "read" for line in lines) else SOME_NOT_READ)


def _read(files: list[Path], services: Services, out: Path, shadow: frozenset[str]) -> list[dict[str, Any]]:
    """One line per file; `shadow` names the rules that an installation would deliver nothing of."""
    taken = take_in(files, services)
    version = services.configurations.active()
    for study in dict.fromkeys(one.study_instance_uid for one in taken if one.admission is Admission.NEW):
        hand_over(UID(study), services.ledger, version, clock=services.clock, bell=services.bell)
    drain_all(services, worker="run")
    return [_line(one, services, out, shadow) for one in taken]


def _line(one: Taken, services: Services, out: Path, shadow: frozenset[str]) -> dict[str, Any]:
    """What became of one file: its study, state, reason, and the results that say what was read of it."""
    record = services.catalogue.record(UID(one.study_instance_uid)) if one.admission else None
    state, reason = _fate(one, record)
    results = _results(record, out) if record and state in WRITTEN else []
    if record and results:
        unsent = dict.fromkeys(job.job.rule for job in record.jobs if job.job.rule in shadow)
        reason = "; ".join(filter(None, (reason, *(f"rule {name} is in shadow" for name in unsent))))
    line = {"file": str(one.file), "state": state, "reason": reason}
    return line | {"study": str(one.study_instance_uid), "results": results}


def _results(record: StudyRecord, out: Path) -> list[str]:
    """Names of the files in `out` that were written of a study."""
    names = [f"{file_stem(made.sop_instance_uid)}.dcm" for made in record.objects]
    return [name for name in names if (out / name).is_file()]


ARRIVED = (DeliveryState.SENT, DeliveryState.STANDBY, DeliveryState.SUPERSEDED)
"""States of what is written, or need not be since something else is."""


def _fate(one: Taken, record: StudyRecord | None) -> tuple[str, str]:
    """State and reason of one file."""
    if one.admission is None:
        return one.reason.split(":")[0], one.reason.split(": ", 1)[-1]
    if one.admission is Admission.CONFLICT:
        return "conflict", "the same SOP Instance UID came before with other pixels; the first is kept"
    if record is None or not record.jobs:
        return "unmatched", record.row.note if record else "it belongs to no study"
    undelivered = [d.delivery.last_error for d in record.deliveries if d.delivery.state not in ARRIVED]
    if undelivered:
        return "not written", undelivered[0]
    return _reading(one, record.jobs[-1])


def _reading(one: Taken, job: JobRecord) -> tuple[str, str]:
    """State and reason of a file whose study was read."""
    if job.outcome != Outcome.ANALYSED:
        return job.outcome or str(job.job.state).lower(), job.job.reason
    looked_at = {image["sop_instance_uid"] for image in json.loads(job.report)["images"]}
    if one.sop_instance_uid not in looked_at:
        return "not read", "its study was read without it: no model reads this image"
    return "read", ""


def _nodes(rules: Path, out: Path) -> str:
    """Every destination that the rules name becomes the folder `out`."""
    try:
        found = tomllib.loads(text_of(rules))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{rules}: not valid TOML: {error}") from error
    asked = {name for rule in found.get("rule", []) for name in rule.get("destinations", [])}
    forwarded = {rule["destination"] for rule in found.get("forward", []) if "destination" in rule}
    source = f'[[source]]\nname = "{SOURCE}"\nae_title = "FILES"\nnetworks = ["127.0.0.0/8"]\n'
    return source + "".join(
        f'[[destination]]\nname = "{name}"\nurl = {json.dumps(out.resolve().as_uri())}\n'
        for name in sorted({OUT} | asked | forwarded)
    )


@contextmanager
def _engine(settings: Settings) -> Iterator[Settings]:
    """Settings with a model server: the configured one, else the local engine for as long as this lasts."""
    if settings.models.url:
        yield settings
        return
    path = settings.data / "engine.sock"
    log = (settings.data / "engine.log").open("wb")
    ours = os.getpid()
    with subprocess.Popen(
        local_engine(settings, path),
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
