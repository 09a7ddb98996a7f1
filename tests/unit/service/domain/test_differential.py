"""Differentials: what carries one, what speaks against it, in which order, and when nothing is offered."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from service.adapters.differential.toml import OWN, TomlDifferentials, read_table
from service.domain.differential import MOST, Diagnosis, Sign, Table, candidates
from service.domain.errors import Misconfigured
from service.domain.prose.reading import read
from tests.bench.text_tasks.report_set import read_set
from tests.support.payloads import PAYLOADS

OURS = read_table(OWN)
SITE = """
name = "site"
version = "3"
statement = "Reviewed by the section."
[[diagnosis]]
name = "anything"
for = [{ finding = "nodule", weight = 2 }]
"""


def offered(text: str) -> list[tuple[str, float]]:
    return [(each.name, each.points) for each in candidates(read(text), OURS)]


def test_findings_carry_a_diagnosis_and_each_is_cited() -> None:
    text = "FINDINGS: Cardiomegaly. Interstitial edema. Bilateral pleural effusions. No pneumothorax."
    (failure, *_) = candidates(read(text), OURS)
    assert (failure.name, failure.points) == ("heart failure", 7)
    assert {each.span.text for each in failure.supports} == {
        "Cardiomegaly.", "Interstitial edema.", "Bilateral pleural effusions.",
    }  # fmt: skip


def test_what_the_report_denies_speaks_against_and_silence_does_not() -> None:
    silent, denied = "FINDINGS: Pulmonary edema.", "FINDINGS: Pulmonary edema. The heart is not enlarged."
    assert dict(offered(silent))["heart failure"] == 3
    assert dict(offered(denied))["heart failure"] == 2
    assert dict(offered(denied))["non-cardiogenic pulmonary edema"] == 3


def test_a_doubtful_finding_counts_half() -> None:
    assert offered("FINDINGS: Consolidation in the right lower lobe.")[0] == ("pneumonia", 3)
    assert offered("FINDINGS: Possible consolidation in the right lower lobe.") == []


@pytest.mark.parametrize("text", ["", "FINDINGS: Normal.", "No pneumothorax. No effusion.", *PAYLOADS[:-1]])
def test_where_nothing_carries_one_nothing_is_offered(text: str) -> None:
    assert offered(text) == []


def test_every_item_of_every_written_report_cites_a_finding_of_it_in_the_same_order_each_time() -> None:
    shuffled = list(OURS.diagnoses)
    random.Random(4).shuffle(shuffled)
    another = Table(name="x", version="1", statement="x", diagnoses=tuple(shuffled))
    for report in read_set():
        reading = read(report.text)
        found = candidates(reading, OURS)
        assert len(found) <= MOST
        assert [each.points for each in found] == sorted((each.points for each in found), reverse=True)
        assert [each.points for each in candidates(reading, another)] == [each.points for each in found]
        for each in found:
            assert any(not one.sign.absent for one in each.supports)
            for one in (*each.supports, *each.opposes):
                assert report.text[one.span.start : one.span.end] == one.span.text


def test_a_sign_on_both_sides_needs_both() -> None:
    table = Table(
        name="x", version="1", statement="x",
        diagnoses=(Diagnosis(name="d", supports=(Sign(finding="nodule", weight=3, both=True),)),),
    )  # fmt: skip
    assert candidates(read("FINDINGS: Nodule on the left."), table) == ()
    assert len(candidates(read("FINDINGS: Nodule on the left. Nodule on the right."), table)) == 1


def test_our_list_says_what_it_is_and_names_each_diagnosis_once() -> None:
    assert "no advice" in OURS.statement
    names = [each.name for each in OURS.diagnoses]
    assert len(names) == len(set(names)) > 20
    assert all(each.opposes for each in OURS.diagnoses)


def test_a_site_s_file_replaces_ours(tmp_path: Path) -> None:
    file = tmp_path / "differential.toml"
    assert TomlDifferentials(file).table() == OURS
    file.write_text(SITE)
    assert [each.name for each in TomlDifferentials(file).table().diagnoses] == ["anything"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name = ", "cannot be read as a table"),
        (SITE.replace('"nodule"', '"nodul"'), "no rule reads the finding 'nodul'; known are"),
        (SITE.replace("weight = 2", "weight = 9"), "less than or equal to 3"),
        (SITE.replace("weight = 2", 'weight = 2, site = "moon"'), "no rule reads the site 'moon'"),
        (SITE + "x = 1\n", "Extra inputs are not permitted"),
        ("#" * 300_000, "larger than 256 KiB"),
        ("\ud83e".encode("utf-16", "surrogatepass").decode("latin-1"), "cannot be read as a table"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "differential.toml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(Misconfigured, match=why) as error:
        TomlDifferentials(file).table()
    assert str(file) in str(error.value)
