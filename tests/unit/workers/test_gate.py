"""The gate: what our own check refuses does not leave, and what goes out instead says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from types import SimpleNamespace

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage

import workers.pipeline.encode
from dicom_nodes.objects import encoders
from dicom_nodes.objects.context import EncodingContext
from service.domain.protocol import Protocol
from service.domain.report import Outcome, Report
from service.ports.clock import StoppedClock
from service.ports.pixels import MemoryPixels
from service.ports.spool import StoredBytes
from service.settings import Settings
from tests.support.reports import a_report
from tests.unit.workers.test_work import ADULT, NOW, claim
from workers.pipeline.encode import Encoding, Results, encode


@dataclass
class MemorySpool:
    """A fake that remembers what was kept."""

    kept: dict[str, bytes] = field(default_factory=dict)

    @contextmanager
    def incoming(self) -> Iterator[MemoryIncoming]:
        yield MemoryIncoming(self)


@dataclass
class MemoryIncoming:
    spool: MemorySpool
    data: bytes = b""

    def write(self, data: bytes) -> None:
        self.data += data

    def keep(self) -> StoredBytes:
        location = f"memory:{len(self.spool.kept)}"
        self.spool.kept[location] = self.data
        return StoredBytes(location=location, sha256="0" * 64, size=len(self.data))


@dataclass
class Odd:
    """An encoder whose objects are broken, or that cannot say the report."""

    ROLE: str
    error: str = ""
    spoils: bool = True
    SOP_CLASS_UID = BasicTextSRStorage

    def applies(self, report: Report) -> bool:
        return True

    def encode(self, report: Report, context: EncodingContext) -> bytes:
        if self.error and not report.outcome.unread:
            raise ValueError(self.error)
        whole = encoders()["basic-text-sr"].encode(report, context)
        if report.outcome.unread or not self.spoils:
            return whole
        dataset = dcmread(BytesIO(whole))
        del dataset.PatientName
        buffer = BytesIO()
        dataset.save_as(buffer)
        return buffer.getvalue()


def written(outputs: tuple[str, ...], spool: MemorySpool) -> Results:
    services = SimpleNamespace(
        spool=spool, pixels=MemoryPixels(), clock=StoppedClock(NOW), settings=Settings(), ledger=None
    )
    encoding = Encoding(claim(ADULT), Protocol(name="chest", steps=()), "digest", services)  # type: ignore[arg-type]
    return encode(encoding, a_report(), outputs)


def with_odd(monkeypatch: pytest.MonkeyPatch, *odd: Odd) -> None:
    """`odd` beside the installed encoders."""
    offered = {**encoders(), **{each.ROLE: each for each in odd}}
    monkeypatch.setattr(workers.pipeline.encode, "encoders", lambda: offered)


def objects(results: Results, spool: MemorySpool) -> list[Dataset]:
    return [dcmread(BytesIO(spool.kept[made.location])) for made in results.objects]


def test_a_broken_object_is_left_out_and_named_while_another_tells_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    with_odd(monkeypatch, Odd("overlay"))
    results = written(("basic-text-sr", "overlay"), MemorySpool())
    assert [made.role for made in results.objects] == ["basic-text-sr"]
    assert results.report.outcome is Outcome.ANALYSED
    assert results.refused == {"overlay": "PatientName is missing"}
    assert results.reason == "overlay was not written: PatientName is missing"


def test_where_no_object_tells_the_reading_not_analysed_goes_out_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    with_odd(monkeypatch, Odd("basic-text-sr"))
    spool = MemorySpool()
    results = written(("basic-text-sr",), spool)
    (instead,) = objects(results, spool)
    first = instead.ContentSequence[-1].ContentSequence[0].TextValue
    assert first.startswith("NOT ANALYSED BY AI: its report could not be written in a valid form")
    assert "PatientName is missing" in first
    assert (results.report.outcome, results.refused) == (Outcome.FAILED, {"basic-text-sr": "PatientName is missing"})


def test_a_report_that_an_encoder_cannot_say_is_refused_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    with_odd(monkeypatch, Odd("overlay", error="nothing to draw on"))
    results = written(("tid1500", "overlay"), MemorySpool())
    assert results.refused == {"overlay": "nothing to draw on"}


def test_nothing_is_refused_of_what_is_written_here() -> None:
    roles = tuple(role for role in encoders() if role not in {"presentation-state", "segmentation"})
    results = written(roles, MemorySpool())
    assert results.refused == {}
    assert results.reason == ""
    assert {made.role for made in results.objects} == set(roles)
