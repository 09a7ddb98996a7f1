"""Fakes of the other ports that the front door asks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import BinaryIO

from pydicom.uid import UID, ExplicitVRLittleEndian

from service.domain.account import Account, Role, Token
from service.domain.algorithm import Card
from service.domain.config import Configuration, ConfigVersion
from service.domain.errors import Misconfigured, Unavailable
from service.domain.event import Event
from service.domain.job import Job
from service.domain.node import DestinationNode
from service.domain.rejection import Reason
from service.domain.study import StoredInstance, Study
from service.flow.store import Intake
from service.ports.audit import MemoryAudit
from service.ports.bell import SilentBell
from service.ports.clock import StoppedClock
from service.ports.counts import MemoryCounts
from service.ports.destination import Destination, MemoryDestination
from service.ports.differentials import MemoryDifferentials
from service.ports.dismissals import MemoryDismissals
from service.ports.edits import MemoryEdits
from service.ports.exhibits import MemoryExhibits
from service.ports.ledger import Beat, NewJob, OpenStudy
from service.ports.models import ServedModel, ServerState
from service.ports.prompts import ScriptedPrompts
from service.ports.returning import MemoryReturning
from service.ports.signing import MemorySigning
from service.ports.templates import MemoryTemplates
from service.ports.viewing import Look, SentFrame
from service.settings import Settings
from service.web.services import Services
from tests.support.fake_catalogue import FakeCatalogue

NOW = datetime(2026, 3, 4, 9, 30, 0, tzinfo=UTC)
LATER = datetime(2027, 1, 1, tzinfo=UTC)


class FakeAccounts:
    """Tokens in memory; their secrets are readable words plus their number."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def issue(self, name: str, roles: frozenset[Role], *, expires_at: datetime) -> str:
        token_id = f"t-{len(self._tokens) + 1}"
        secret = f"secret-of-{token_id}"
        sha256 = hashlib.sha256(secret.encode()).hexdigest()
        account = Account(name=name, roles=roles)
        self._tokens[token_id] = Token(token_id=token_id, account=account, sha256=sha256, expires_at=expires_at)
        return secret

    def who(self, secret: str, *, now: datetime) -> Account | None:
        sha256 = hashlib.sha256(secret.encode()).hexdigest()
        return next((t.account for t in self._tokens.values() if t.sha256 == sha256 and t.expires_at > now), None)

    def revoke(self, token_id: str) -> bool:
        return self._tokens.pop(token_id, None) is not None

    def tokens(self) -> Sequence[Token]:
        return tuple(self._tokens.values())


@dataclass
class FakeLedger:
    """Only what the front door asks of the ledger."""

    known: dict[str, Study] = field(default_factory=dict)
    open: list[OpenStudy] = field(default_factory=list)
    alive: list[Beat] = field(default_factory=list)
    jobs: dict[str, Job] = field(default_factory=dict)
    refuses_retry: bool = False
    refuses_recall: bool = False
    recalled: list[tuple[str, Reason]] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    away: bool = False

    def open_studies(self) -> Sequence[OpenStudy]:
        if self.away:
            raise Unavailable("the database is locked")
        return self.open

    def study(self, study_instance_uid: UID) -> Study | None:
        return self.known.get(study_instance_uid)

    def find_instance(self, sop_instance_uid: UID) -> StoredInstance | None:
        stored = (stored for study in self.known.values() for stored in study.instances)
        return next((each for each in stored if each.instance.sop_instance_uid == sop_instance_uid), None)

    def beats(self) -> Sequence[Beat]:
        return self.alive

    def due_lanes(self) -> Sequence[str]:
        return ("deliver:PACS", "forward:PACS")

    def replay(self, job_id: str, *, by: str, now: datetime) -> Job | None:
        old = self.jobs.get(job_id)
        return replace(old, job_id=f"{job_id}-again", run_number=old.run_number + 1) if old else None

    def route_again(
        self, study: Study, jobs: Sequence[NewJob], events: Sequence[Event], *, now: datetime
    ) -> Sequence[Job] | None:
        self.told += [event.text for event in events]
        made = [
            Job(
                job_id=f"{each.rule}-1", study_instance_uid=study.study_instance_uid, manifest_version=1,
                identity_version=1, protocol=each.protocol, rule=each.rule, config_version=each.config_version,
                mode=each.mode, priority=each.priority,
            )
            for each in jobs
        ]  # fmt: skip
        return None if study.study_instance_uid in {one.study_instance_uid for one in self.open} else made

    def recall(self, job_id: str, reason: Reason, *, by: str, now: datetime) -> bool:
        self.recalled.append((job_id, reason))
        return not self.refuses_recall

    def retry_delivery(self, delivery_id: str, *, by: str, now: datetime) -> bool:
        self.retried.append(delivery_id)
        return not self.refuses_retry


@dataclass
class FakeConfigurations:
    versions: list[ConfigVersion] = field(default_factory=list)

    def parse(self, texts: Mapping[str, str]) -> Configuration:
        raise NotImplementedError

    def apply(self, texts: Mapping[str, str], *, by: str) -> ConfigVersion:
        raise NotImplementedError

    def active(self) -> ConfigVersion:
        if not self.versions:
            raise Misconfigured("no configuration was applied yet; run `preread config apply FOLDER`")
        return self.versions[-1]

    def version(self, number: int) -> ConfigVersion:
        for version in self.versions:
            if version.number == number:
                return version
        raise Misconfigured(f"there is no configuration version {number}")


SERVING = ServerState(
    ready=True,
    engine="Triton 2.51.0",
    models=(
        ServedModel(
            name="chest_demo", version="1", ready=True, engine="Triton 2.51.0", provider="CPUExecutionProvider"
        ),
    ),
)


@dataclass
class FakeModels:
    server: ServerState = field(default_factory=lambda: SERVING)
    cards: dict[str, Card] = field(default_factory=dict)

    def card(self, model: str) -> Card:
        if model not in self.cards:
            raise Misconfigured(f"model {model} has no card.toml beside its files")
        return self.cards[model]

    def state(self) -> ServerState:
        return self.server


class DownDestination(MemoryDestination):
    def echo(self) -> str:
        raise Unavailable("connection refused")


@dataclass
class FakeNodes:
    down: set[str] = field(default_factory=set)

    def destination(self, node: DestinationNode) -> Destination:
        return DownDestination() if node.name in self.down else MemoryDestination()


@dataclass
class FakeDisk:
    free: int = 412 * 10**9
    room: bool = True

    def has_room(self) -> bool:
        return self.room

    def free_bytes(self) -> int:
        return self.free


@dataclass
class FakeViewing:
    """Every instance has the same bytes; `broken` is raised instead, if it is set."""

    broken: Exception | None = None
    asked: list[tuple[object, ...]] = field(default_factory=list)
    agrees: bool = True
    """Whether headers and codestreams agree."""

    def open(self, stored: StoredInstance) -> BinaryIO:
        return BytesIO(self._told("open", b"DICM as stored"))

    def decoded(self, stored: StoredInstance) -> bytes:
        return self._told("decoded", b"DICM decoded")

    def metadata(self, stored: StoredInstance, *, base: str) -> bytes:
        return self._told("metadata", json.dumps({"00080018": {"vr": "UI"}, "base": base}).encode())

    def bulk(self, stored: StoredInstance, path: str) -> bytes:
        return self._told("bulk", path.encode(), path)

    def frame(self, stored: StoredInstance, number: int, *, as_stored: bool) -> SentFrame:
        syntax = stored.instance.transfer_syntax_uid
        sent = syntax if as_stored and self.agrees else ExplicitVRLittleEndian
        return SentFrame(self._told("frame", f"frame {number}".encode(), number, as_stored), sent)

    def picture(self, stored: StoredInstance, number: int, look: Look) -> bytes:
        return self._told("picture", f"picture {number}".encode(), number, look)

    def _told(self, what: str, answer: bytes, *asked: object) -> bytes:
        self.asked.append((what, *asked))
        if self.broken is not None:
            raise self.broken
        return answer


@dataclass
class House:
    """All fakes of one front door; change them, then look at the page."""

    catalogue: FakeCatalogue = field(default_factory=FakeCatalogue)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    configurations: FakeConfigurations = field(default_factory=FakeConfigurations)
    models: FakeModels = field(default_factory=FakeModels)
    nodes: FakeNodes = field(default_factory=FakeNodes)
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    bell: SilentBell = field(default_factory=SilentBell)
    disk: FakeDisk = field(default_factory=FakeDisk)
    viewing: FakeViewing = field(default_factory=FakeViewing)
    edits: MemoryEdits = field(default_factory=MemoryEdits)
    dismissals: MemoryDismissals = field(default_factory=MemoryDismissals)
    counts: MemoryCounts = field(default_factory=MemoryCounts)
    signing: MemorySigning = field(default_factory=MemorySigning)
    returning: MemoryReturning = field(default_factory=MemoryReturning)
    prompts: ScriptedPrompts = field(default_factory=ScriptedPrompts)
    templates: MemoryTemplates = field(default_factory=MemoryTemplates)
    exhibits: MemoryExhibits = field(default_factory=MemoryExhibits)
    differentials: MemoryDifferentials = field(default_factory=MemoryDifferentials)
    intake: Intake | None = None
    """For tests that store."""
    clock: StoppedClock = field(default_factory=lambda: StoppedClock(NOW))
    settings: Settings = field(default_factory=Settings)
    migrated: bool = True
    broker: bool = True

    def __post_init__(self) -> None:
        self.catalogue.reviews = lambda study: self.signing.reviews(study)
        self.catalogue.history = lambda job: self.edits.history(job)

    def services(self) -> Services:
        return Services(
            settings=self.settings,
            clock=self.clock,
            ledger=self.ledger,  # type: ignore[arg-type]
            catalogue=self.catalogue,
            configurations=self.configurations,
            models=self.models,  # type: ignore[arg-type]
            nodes=self.nodes,
            bell=self.bell,
            accounts=self.accounts,
            audit=self.audit,
            disk=self.disk,
            viewing=self.viewing,
            edits=self.edits,
            dismissals=self.dismissals,
            signing=self.signing,
            counts=self.counts,
            returning=self.returning,
            prompts=self.prompts,
            templates=self.templates,
            exhibits=self.exhibits,
            differentials=self.differentials,
            intake=self.intake,  # type: ignore[arg-type]
            migrated=lambda: self.migrated,
            broker_answers=lambda: self.broker,
            trail=self.audit,
        )

    def token(self, *roles: Role, name: str = "anna") -> str:
        return self.accounts.issue(name, frozenset(roles), expires_at=LATER)
