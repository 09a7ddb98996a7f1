"""A whole installation in a folder, with nothing faked: `preread up`, and Orthanc as the archive beside it."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from orthanc_api_client import OrthancApiClient
from pydicom import Dataset, dcmread
from pydicom.filebase import DicomBytesIO

from service.bootstrap import silent
from service.cli.fleet import environment, preread
from service.cli.probes import PROCESSES
from service.domain.account import Role
from service.domain.delivery import DeliveryState
from service.embedded import orthanc
from service.embedded.ports import choose_free
from service.ports.catalogue import StudyRecord
from service.ports.services import Services
from service.settings import Settings
from tests.support import processes
from tests.support.waiting import wait_for

REPOSITORY = Path(__file__).resolve().parents[2]

RULES = """
[[protocol]]
name = "chest-radiograph"
steps = [{{ kind = "draft", algorithm = "chest-radiograph-report" }}]

[[protocol]]
name = "chest-ct"
steps = [{{ kind = "draft", algorithm = "chest-ct-report" }}]

[[rule]]
name = "radiographs"
mode = "live"
deadline = "{deadline}"
protocol = "chest-radiograph"
destinations = ["archive"]
when.modality = ["CR", "DX"]

[[rule]]
name = "ct"
mode = "live"
deadline = "{deadline}"
protocol = "chest-ct"
destinations = ["archive"]
when.modality = ["CT"]
"""

NODES = """
[[source]]
name = "sender"
ae_title = "SENDER"
networks = ["127.0.0.0/8"]
default_issuer = "TEST"
quiet = "1s"

[[source]]
name = "archive"
ae_title = "ARCHIVE"
networks = ["127.0.0.0/8"]
default_issuer = "TEST"
quiet = "1s"

[[destination]]
name = "archive"
url = "dicom://ARCHIVE@127.0.0.1:{archive_port}"
adopt_identity = true
"""


SETTLED = {"done", "unmatched", "attention"}


@dataclass
class OrthancServer:
    """A real Orthanc with a folder and ports of its own; may be killed and started again."""

    archive: orthanc.Orthanc
    server: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.archive.folder.parent / f"{self.archive.ae_title}.log").open("ab") as log:
            self.process = subprocess.Popen(self.archive.command(self.server), stdout=log, stderr=log)
        wait_for(self._answers, what=f"{self.archive.ae_title} does not answer")

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def client(self) -> OrthancApiClient:
        return OrthancApiClient(self.archive.url)

    def instances(self, study: str | None = None) -> list[Dataset]:
        """Every stored instance (of one study), whole, out of the archive."""
        ids = self.client.instances.get_all_ids() if study is None else self._of_study(study)
        return [dcmread(DicomBytesIO(self.client.instances.get_file(found))) for found in ids]

    def reports(self, study: str) -> list[Dataset]:
        return [found for found in self.instances(study) if found.Modality == "SR"]

    def _of_study(self, study: str) -> list[str]:
        found = self.client.studies.lookup(study)
        return list(self.client.studies.get_instances_ids(found)) if found else []

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"{self.archive.ae_title} ended, see its log beside {self.archive.folder}"
        return bool(self.client.is_alive())


@dataclass
class Installation:
    """`preread up` in `folder`, as a user starts it; its processes may be killed one by one."""

    folder: Path
    database: str = ""
    deadline: str = "60m"
    rules: str = RULES
    nodes: str = NODES
    archive: OrthancServer | None = None
    model_url: str = ""
    ready: bool = True
    """Whether to wait until `preread check` is content; not where a part is away on purpose."""
    extra: dict[str, str] = field(default_factory=dict)
    repositories: tuple[Path, ...] = ()
    """The site's own model repositories."""
    settings: Settings = field(init=False)
    services: Services = field(init=False)
    up: subprocess.Popen[bytes] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        scp, web, archive_dicom, archive_http = choose_free(4)
        self.settings = Settings(
            data=self.folder / "data",
            database=self.database,
            disk_reserve_bytes=0,
            site={"institution": "Test Clinic"},  # type: ignore[arg-type]
            scp={"port": scp},  # type: ignore[arg-type]
            web={"port": web},  # type: ignore[arg-type]
            models={"url": self.model_url, "timeout_s": 30, "repositories": self.repositories},  # type: ignore[arg-type]
            worker={"lease_s": 10},  # type: ignore[arg-type]  # a killed reader's work is soon somebody else's
        )
        server = orthanc.find()
        if server and self.archive is None:
            peers = {"PREREAD": ("127.0.0.1", scp)}
            found = orthanc.Orthanc(
                folder=self.folder / "orthanc", dicom_port=archive_dicom, http_port=archive_http, peers=peers
            )
            self.archive = OrthancServer(found, server)
        self.services = silent(self.settings, process="test")

    @property
    def orthanc(self) -> OrthancServer:
        assert self.archive is not None, "Orthanc is not installed"
        return self.archive

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the archive and everything of ours, and wait until all of it answers."""
        self.orthanc.start()
        config = self.folder / "config"
        config.mkdir(exist_ok=True)
        port = self.orthanc.archive.dicom_port
        (config / "rules.toml").write_text(self.rules.format(deadline=self.deadline))
        (config / "nodes.toml").write_text(self.nodes.format(archive_port=port, **self.extra))
        command = preread("up", "--config", str(config))
        variables = environment(self.settings)
        with self.log.open("ab") as log:
            self.up = subprocess.Popen(command, stdout=log, stderr=log, env=variables, start_new_session=True)
        wait_for(
            self.is_up if self.ready else self.is_at_work, 180, f"the installation does not come up, see {self.log}"
        )

    def stop(self) -> None:
        """End as Ctrl-C does, then make sure."""
        if self.up:
            self.up.send_signal(signal.SIGTERM)
            try:
                self.up.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.up.kill()
                self.up.wait()
            self.up = None
        self.orthanc.stop()
        self.services.ledger.close()

    @property
    def log(self) -> Path:
        return self.folder / "up.log"

    def is_up(self) -> bool:
        """Whether every process beats and the model is loaded."""
        if self.up is not None and self.up.poll() is not None:
            raise AssertionError(f"preread up ended: {self.log.read_text()[-2000:]}")
        found = subprocess.run(
            preread("check"), env=environment(self.running_settings()), capture_output=True, timeout=120, check=False
        )
        return found.returncode == 0

    def is_at_work(self) -> bool:
        """Whether the receiver accepts connections and every process beats, whichever part is away."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.settings.scp.port)):
                return False
        return set(PROCESSES) <= {beat.process for beat in self.services.ledger.beats()}

    def running_settings(self) -> Settings:
        """Settings with the addresses that `up` gave its embedded parts."""
        for process in self.named("scp"):
            with suppress(psutil.NoSuchProcess):  # one that ends while we look, a zombie, too
                variables = {k: v for k, v in process.environ().items() if k.startswith("PREREAD_")}
                models = self.settings.models.model_copy(update={"url": variables.get("PREREAD_MODELS__URL", "")})
                return self.settings.model_copy(
                    update={"models": models, "broker": variables.get("PREREAD_BROKER", "")}
                )
        return self.settings

    def processes(self) -> list[psutil.Process]:
        """Everything that `up` started, children of children included."""
        return (
            [] if self.up is None else [each for each in processes.below(self.up.pid) if processes.command_line(each)]
        )

    def named(self, name: str) -> list[psutil.Process]:
        """Processes by what they are: scp, reader, sender, sweep, web, redis, triton, stub (a model's in Triton)."""
        marks = {
            "reader": ("worker", "--lane", "read"),
            "sender": ("worker", "--lane", "deliver"),
        }.get(name, (name,))
        programs = {"redis": "redis-server", "triton": "tritonserver", "stub": "triton_python_backend_stub"}
        found = []
        for process in self.processes():
            line = processes.command_line(process)
            if not line or "service.embedded.keep" in line:
                continue
            if name in programs:
                if programs[name] in Path(line[0].split()[0]).name:
                    found.append(process)
            elif tuple(line[-len(marks) :]) == marks:
                found.append(process)
        return found

    def kill(self, name: str) -> None:
        """kill -9, without a word of warning."""
        processes.kill(self.named(name))

    def get(self, path: str) -> str:
        """A page of ours, as an administrator gets it."""
        secret = self.services.accounts.issue(
            "test", frozenset({Role.ADMIN}), expires_at=self.services.clock.now() + timedelta(hours=1)
        )
        address = f"http://127.0.0.1:{self.settings.web.port}{path}"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {secret}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(answer.read().decode())

    def record(self, study: str) -> StudyRecord | None:
        return self.services.catalogue.record(study)  # type: ignore[arg-type]

    def state(self, study: str) -> str:
        found = self.record(study)
        return found.row.state if found else "unknown"

    def is_settled(self, study: str) -> bool:
        """Whether everything that can happen to a study without a person has happened."""
        found = self.record(study)
        if found is None or found.row.state not in SETTLED:
            return False
        on_the_way = {DeliveryState.PENDING, DeliveryState.SENDING}
        return not any(sent.delivery.state in on_the_way for sent in found.deliveries)

    def settle(self, studies: Sequence[str], seconds: float = 240) -> float:
        """Wait until every study is settled; returns the seconds it took."""
        left = list(studies)

        def done() -> bool:
            left[:] = [study for study in left if not self.is_settled(study)]
            return not left

        try:
            return wait_for(done, seconds, "studies are not settled")
        except TimeoutError as error:
            raise TimeoutError(f"{len(left)} of {len(studies)} not settled: {self.record(left[0])}") from error


def installed(*programs: str) -> bool:
    return all(shutil.which(program) for program in programs)
