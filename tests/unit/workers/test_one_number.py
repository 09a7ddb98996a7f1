"""One measured number, changed once, in every place where a person or a machine reads it; and what has none."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import UTC, datetime
from io import BytesIO

import pypdfium2
import pytest
from pydicom import dcmread

from dicom_nodes.objects import basic_text_sr, encapsulated_pdf, tid1500
from service.domain.job import Step
from service.domain.protocol import StepKind
from service.domain.report import Evidence, Report
from service.domain.study import StoredInstance
from service.flow.record import report_json
from tests.support.reports import a_context, a_report, an_instance
from workers.measures import algorithm, measures
from workers.measures.base import Numbers
from workers.pipeline.interpret import Reading
from workers.pipeline.measure import KeptNumbers, Measured, add_numbers

NUMBERS: Numbers = {"mean": 41.3, "standard deviation": 88.2, "median": 37.0, "voxels": 123456}
ATTENUATION = measures()["ct-attenuation"]
IMAGE = StoredInstance(instance=an_instance(1), location="spool:1", sha256="", size=0)


def read_with(mean_hu: float) -> Report:
    """The report of one kept step in which this number, and nothing else, was measured otherwise."""
    uid = str(IMAGE.instance.sop_instance_uid)
    measured = Measured(images=(uid,), numbers={**NUMBERS, "mean": mean_hu})
    kept = KeptNumbers(algorithm=algorithm(ATTENUATION), left_out=(), series=(measured,))
    step = Step(
        ordinal=1, kind=StepKind.MEASURE, algorithm=ATTENUATION.ALGORITHM, answer=json.dumps(asdict(kept)), error="",
        model_digest=kept.algorithm.digest, prompt_digest="", attempt=1, started_at=datetime(2026, 1, 2, tzinfo=UTC),
        took_s=0.1,
    )  # fmt: skip
    reading = Reading(modality="CT", images=[Evidence.of(IMAGE.instance)], namespace="test")
    add_numbers(reading, ATTENUATION, step, [IMAGE], namespace="test")
    return reading.report()


def in_json(report: Report) -> list[str]:
    """What the JSON API gives as the report: every value of its measurements."""
    told = json.loads(report_json(report))
    return [f"{one['value']:g}" for finding in told["findings"] for one in finding["measurements"]]


def in_narrative(report: Report) -> list[str]:
    return _numbers(" ".join(sentence.text for sentence in report.sentences))


def in_text_sr(report: Report) -> list[str]:
    document = dcmread(BytesIO(basic_text_sr.encode(report, a_context())))
    return _numbers(" ".join(element.value for element in document.iterall() if element.keyword == "TextValue"))


def in_coded_sr(report: Report) -> list[str]:
    document = dcmread(BytesIO(tid1500.encode(report, a_context())))
    return [element.value.original_string for element in document.iterall() if element.keyword == "NumericValue"]


def on_page(report: Report) -> list[str]:
    document = dcmread(BytesIO(encapsulated_pdf.encode(report, a_context())))
    page = pypdfium2.PdfDocument(document.EncapsulatedDocument[: document.EncapsulatedDocumentLength])[0]
    return _numbers(re.sub(r"\s+", " ", page.get_textpage().get_text_range()))


def _numbers(text: str) -> list[str]:
    return re.findall(r"(-?\d+(?:\.\d+)?) HU", text)


PLACES = (in_json, in_narrative, in_text_sr, in_coded_sr, on_page)


def test_a_number_that_was_measured_otherwise_is_another_one_in_every_place() -> None:
    before, after = read_with(41.3), read_with(52.7)
    for place in PLACES:
        was, became = place(before), place(after)
        assert "41.3" in was, place.__name__
        assert "52.7" not in was, place.__name__
        assert became == [number.replace("41.3", "52.7") for number in was], place.__name__


def test_a_sentence_that_cites_nothing_cannot_stand_in_a_report() -> None:
    report = a_report()
    told = report.sentences[0]
    for cited in ((), ("nobody-found-this",)):
        with pytest.raises(ValueError, match="a sentence without evidence cannot stand in a report"):
            replace(report, sentences=(replace(told, findings=cited),))
    unseen = tuple(replace(finding, evidence=()) for finding in report.findings)
    with pytest.raises(ValueError, match="a sentence without evidence cannot stand in a report"):
        replace(report, findings=unseen)
