"""Drive a demo: wait for the parts, send the study, follow it, read its report back from the archive."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psutil
from pydicom.uid import UID

from dicom_nodes.objects.tree import tree
from dicom_nodes.send import send
from service.cli.archives import Archive
from service.cli.files import files_under
from service.cli.show import console, harmless
from service.domain.account import Role
from service.domain.delivery import DeliveryState
from service.domain.errors import PrereadError, Unavailable
from service.embedded.missing import Missing
from service.embedded.ports import is_free, taken
from service.flow.words import count
from service.ports.catalogue import DeliveryRecord, ResultObject, StudyRecord
from service.ports.services import Services

BUNDLED = Path(__file__).resolve().parents[2] / "deploy" / "examples" / "chest"
SENDER = "DEMO_MODALITY"
START_S, READ_S = 180, 600
STILL_WAITING_S = 20
SETTLED = {"done", "unmatched", "attention"}


class Impatient(PrereadError):
    """A part did not come up, or a study did not settle, in reasonable time."""


class Driver:
    """Runs beside the supervisor; `finished` is called at the end of a demo that is run once.

    Opens nothing before `started`: the supervisor forks its processes out of this one.
    """

    def __init__(
        self, services: Services, archive: Archive, path: Path | None, *, engine: str, once: bool,
        started: Callable[[], bool], finished: Callable[[], None],
    ) -> None:  # fmt: skip
        self._services, self._archive, self._path = services, archive, path
        self._engine, self._once = engine, once
        self._started, self._finished = started, finished
        self.exit_code: int | None = None
        """Set only if the demo ends by itself."""

    def run(self) -> None:
        """Send and show; what comes up stays up for a person to look at, unless the demo is run once."""
        stays, code = False, 1
        try:
            self._bring_up()
            code = self._show()
            stays = not self._once
        except PrereadError as reason:
            console.print(f"  {reason}")
        finally:
            if not stays:
                self.exit_code = code
                self._finished()

    def _bring_up(self) -> None:
        begun = time.monotonic()
        self._wait_for_parts()
        console.print(
            f"  everything is up after {time.monotonic() - begun:.1f} s: {self._engine}; archive: {self._archive.name}"
        )

    def _show(self) -> int:
        """The exit code: 0 if every study that was stored came to its end and its results lie in the archive."""
        studies = self._send()
        good = bool(studies)
        for number, study in enumerate(studies, 1):
            if len(studies) > 1:
                console.print(f"\nstudy {number} of {len(studies)}")
            good &= self._follow(study)
        if not self._once:  # after a demo that is run once nothing listens any more
            self._say_where()
        return 0 if good else 1

    def _wait_for_parts(self) -> None:
        services, scp, web = self._services, self._services.settings.scp, self._services.settings.web
        self._until(self._started, START_S, "the processes were not started")
        console.print("  starting Redis, model server, receiver, workers, pages and archive")
        self._until(lambda: _listens(scp.port, "DICOM", "--scp-port"), START_S, "the receiver did not come up")
        self._until(lambda: _listens(web.port, "pages", "--web-port"), START_S, "the pages did not come up")
        self._until(lambda: bool(services.models.state().models), START_S, "the model server did not come up")
        self._until(lambda: services.models.state().ready, START_S, "the model was not loaded")
        self._until(lambda: _echoes(services, "archive"), START_S, "the archive did not come up")

    def _send(self) -> list[str]:
        files = files_under(self._path or BUNDLED)
        if not files:
            console.print(f"  no file lies under {self._path}; name a DICOM file, or a folder of them")
            return []
        scp = self._services.settings.scp
        console.print(f"  sending {count(len(files), 'file')} over DICOM to {scp.ae_title} at {scp.host}:{scp.port}")
        sent = send(files, host=scp.host, port=scp.port, called_ae=scp.ae_title, calling_ae=SENDER)
        for one in sent:
            if not one.stored:
                console.print(f"  not stored: {harmless(one.path.name)}: {harmless(one.status)}")
        studies = dict.fromkeys(one.study_instance_uid for one in sent if one.stored)
        stored = sum(one.stored for one in sent)
        console.print(f"  stored {stored} of {count(len(files), 'file')}, studies: {len(studies)}")
        return list(studies)

    def _follow(self, study: str) -> bool:
        """Wait until a study is settled and show what became of it; whether its results lie in the archive."""
        told = 0

        def settled() -> bool:
            nonlocal told
            record = self._services.catalogue.record(UID(study))
            if record is None:
                return False
            for event in record.events[told:]:
                console.print(f"  {event.at.astimezone(self._services.clock.zone):%H:%M:%S} {harmless(event.text)}")
            told = len(record.events)
            return _is_settled(record)

        self._until(settled, READ_S, f"study {study} is not settled; see the timeline on its page")
        record = self._services.catalogue.record(UID(study))
        assert record is not None
        return sum(self._read_back(made) for made in record.objects) == len(record.objects)

    def _read_back(self, made: ResultObject) -> bool:
        """Print one result as the archive has it."""
        content = self._archive.fetch(made.sop_instance_uid)
        if content is None:
            console.print(f"\n{made.role} does not lie in {self._archive.name}; the study's page says why")
            return False
        console.print(f"\n{made.role} as it lies in {self._archive.name}:")
        for line in tree(content):
            console.print(f"  {harmless(line)}")
        return True

    def _say_where(self) -> None:
        web = self._services.settings.web
        expires = self._services.clock.now() + timedelta(hours=12)
        secret = self._services.accounts.issue(
            f"demo-{secrets.token_hex(2)}", frozenset({Role.OPERATOR, Role.RADIOLOGIST}), expires_at=expires
        )
        scp = self._services.settings.scp
        console.print(f"\npages: http://{web.host}:{web.port}  (sign in with {secret})")
        console.print(f"more studies: dcmsend -aet {SENDER} -aec {scp.ae_title} {scp.host} {scp.port} FILE ...")
        console.print("running until Ctrl-C")

    def _until(self, true: Callable[[], bool], seconds: float, otherwise: str) -> None:
        log = self._services.settings.data / "processes.log"
        begun, said = time.monotonic(), 0
        while not true():
            waited = time.monotonic() - begun
            if waited > seconds:
                raise Impatient(f"{otherwise} within {seconds:g} s; the log is {log}")
            if waited > (said + 1) * STILL_WAITING_S:
                said += 1
                console.print(f"  still waiting after {waited:.0f} s: {otherwise}")
            time.sleep(0.2)


def _is_settled(record: StudyRecord) -> bool:
    return record.row.state in SETTLED and not any(_under_way(sent) for sent in record.deliveries)


def _under_way(record: DeliveryRecord) -> bool:
    return record.delivery.state in {DeliveryState.PENDING, DeliveryState.SENDING}


def _listens(port: int, purpose: str, option: str) -> bool:
    """Whether one of our own processes listens on `port`.

    Raises Missing if another program took it meanwhile: the study would go there.
    """
    if is_free(port):
        return False
    if not any(port in _ports_of(process) for process in psutil.Process().children(recursive=True)):
        raise Missing(taken(port, purpose, option))
    return True


def _ports_of(process: psutil.Process) -> set[int]:
    """The ports that a process listens on; none if it is gone."""
    try:
        found = process.net_connections("tcp")
    except psutil.NoSuchProcess:
        return set()
    return {connection.laddr.port for connection in found if connection.status == psutil.CONN_LISTEN}


def _echoes(services: Services, name: str) -> bool:
    destination = services.nodes.destination(services.configurations.active().configuration.destination(name))
    try:
        destination.echo()
    except Unavailable:
        return False
    finally:
        destination.close()
    return True
