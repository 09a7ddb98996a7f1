"""What changed is told thing by thing and side by side, and cites what the current study shows."""

from __future__ import annotations

import pytest

from service.domain import code
from service.domain.code import Code
from service.domain.comparison import compares
from service.domain.report import Finding, Measurement
from service.domain.uids import derive_uid
from workers.narrative.changes import changes


def a_finding(
    concept: Code = code.PLEURAL_EFFUSION,
    *,
    present: bool = True,
    side: Code | None = code.RIGHT,
    severity: Code | None = None,
    mm: float | None = None,
    name: str = "",
) -> Finding:
    tracking = name or f"{concept.value}-{side.value if side and present else ''}"
    lengths = (Measurement(concept=code.DIAMETER, value=mm, unit=code.MILLIMETER),) if mm else ()
    return Finding(
        tracking_id=tracking, tracking_uid=derive_uid("test", tracking), concept=concept, present=present,
        laterality=side if present else None, severity=severity, measurements=lengths,
    )  # fmt: skip


def told(now: list[Finding], then: list[Finding]) -> list[str]:
    return [sentence.text.removeprefix("Compared with 2025-01-01: ") for sentence in changes(now, then, "2025-01-01")]


NONE = a_finding(present=False)


@pytest.mark.parametrize(
    ("now", "then", "said"),
    [
        ([a_finding()], [NONE], "right pleural effusion is new."),
        ([NONE], [a_finding()], "right pleural effusion is no longer seen."),
        ([a_finding()], [a_finding()], "right pleural effusion is still present."),
        ([a_finding(severity=code.SEVERE)], [a_finding(severity=code.MILD)],
         "right pleural effusion has worsened (severe, then mild)."),
        ([a_finding(severity=code.MILD)], [a_finding(severity=code.MODERATE)],
         "right pleural effusion has improved (mild, then moderate)."),
        ([a_finding(severity=code.MILD)], [a_finding(severity=code.MILD)],
         "right pleural effusion is unchanged in degree (mild)."),
        ([a_finding(mm=14)], [a_finding(mm=10)], "right pleural effusion has grown (14 mm, then 10 mm)."),
        ([a_finding(mm=10)], [a_finding(mm=14)], "right pleural effusion has shrunk (10 mm, then 14 mm)."),
        ([a_finding(mm=10)], [a_finding(mm=11)], "right pleural effusion is unchanged in size (10 mm, then 11 mm)."),
        ([a_finding(mm=100)], [a_finding(mm=95)], "right pleural effusion is unchanged in size (100 mm, then 95 mm)."),
        ([a_finding(name="a"), a_finding(name="b")], [a_finding()],
         "right pleural effusion is seen 2 times, then 1 time."),
        ([NONE], [NONE], "nothing new."),
    ],
)  # fmt: skip
def test_a_change_in_words(now: list[Finding], then: list[Finding], said: str) -> None:
    assert told(now, then) == [said]


def test_the_other_side_is_another_thing() -> None:
    now, then = [a_finding(side=code.LEFT)], [a_finding(side=code.RIGHT)]
    assert told(now, then) == ["left pleural effusion is new.", "right pleural effusion is no longer seen."]


def test_what_only_one_of_the_studies_speaks_of_is_not_compared() -> None:
    assert told([a_finding(code.PNEUMOTHORAX)], [a_finding()]) == []


def test_every_sentence_cites_what_the_current_study_shows() -> None:
    now = [NONE, a_finding(code.PNEUMOTHORAX, name="air")]
    sentences = changes(now, [a_finding(), a_finding(code.PNEUMOTHORAX, present=False)], "2025-01-01")
    assert [sentence.findings for sentence in sentences] == [(NONE.tracking_id,), ("air",)]
    assert all(compares(sentence.text) for sentence in sentences)
