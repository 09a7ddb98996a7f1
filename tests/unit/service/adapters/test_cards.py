"""card.toml to a Card: limits and calibration, or a plain word about what is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.adapters.cards import read_card
from service.domain.algorithm import Card, Platt, unlicensed
from service.domain.errors import Misconfigured

CARD = """
name = "m"
version = "1"
digest = "sha256:0"
device_uid = "2.25.1"
licence = "Apache-2.0"
source = "here"
intended_use = "tests"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def card(folder: Path, more: str) -> Card:
    (folder / "card.toml").write_text(CARD + more)
    return read_card(folder)


def test_every_limit_of_a_card_is_read(folder: Path) -> None:
    limits = card(
        folder,
        '[limits]\nmodality = ["CT"]\nlaterality = ["R"]\ncontrast = "with"\nmax_slice_thickness_mm = 3\n'
        'view = ["PA"]\n',
    ).limits
    assert (limits.modalities, limits.lateralities, limits.contrast) == (("CT",), ("R",), "with")
    assert (limits.max_slice_thickness_mm, limits.views) == (3, ("PA",))


def test_a_calibration_has_a_default_and_findings_of_their_own(folder: Path) -> None:
    text = '[calibration]\na = 0.9\nb = -0.1\n[calibration.findings."pleural effusion"]\na = 0.7\nb = 0.2\n'
    calibration = card(folder, text).calibration
    assert calibration is not None
    assert calibration.of("pleural effusion") == Platt(0.7, 0.2)
    assert calibration.of("nodule") == Platt(0.9, -0.1)


def test_a_card_says_which_tasks_beside_reading_its_model_is_for(folder: Path) -> None:
    assert card(folder, 'tasks = ["report-check"]\n').tasks == ("report-check",)
    assert card(folder, "").tasks == ()


def test_a_card_without_calibration_has_none(folder: Path) -> None:
    assert card(folder, "").calibration is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[limits]\ncontrast = "yes"\n', "contrast"),
        ('tasks = ["poems"]\n', "tasks"),
        ("[limits]\nmax_slice_thickness_mm = 0\n", "max_slice_thickness_mm"),
        ("[calibration]\na = 1\n", "calibration.b"),
        ("[calibration]\na = -1\nb = 0\n", "calibration.a"),
        ("[calibration]\na = nan\nb = 0\n", "calibration.a"),
    ],
)
def test_a_wrong_line_is_named(folder: Path, more: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        card(folder, more)


def test_what_a_card_lacks_is_one_line_that_says_what_writes_it(folder: Path) -> None:
    (folder / "card.toml").write_text('name = "m"\nversion = 1\nlicence = "MIT"\nintended_use = "tests"\n')
    with pytest.raises(Misconfigured) as told:
        read_card(folder)
    assert str(told.value).partition("card.toml: ")[2] == (
        "digest, device_uid, source are missing; version: Input should be a valid string; "
        "`python triton_models/engine/layout.py FOLDER` writes digest and device_uid"
    )


def test_who_made_a_model_is_not_stated_where_its_card_does_not_say(folder: Path) -> None:
    assert card(folder, "").algorithm.manufacturer == "not stated"


def test_the_adapters_beside_a_model_are_told_with_licence_and_what_is_wrong(folder: Path) -> None:
    (folder / "1" / "adapters").mkdir(parents=True)
    record = {"digest": "sha256:1", "model_digest": "sha256:0", "licence": "MIT", "source": "s", "trained_on": "b/c"}
    for name, told in (
        ("good", {"differences": []}),
        ("nc", {"differences": [], "licence": "cc-by-nc-4.0"}),
        ("other", {"differences": [], "model_digest": "sha256:9"}),
        ("broken", {}),
        ("bare", None),
    ):
        (folder / "1" / "adapters" / f"{name}.onnx_adapter").touch()
        if told is not None:
            (folder / "1" / "adapters" / f"{name}.json").write_text(json.dumps(record | told))
    found = card(folder, "")
    assert {name: one.not_verified for name, one in found.adapters.items()} == {
        "good": "", "nc": "", "other": "it was verified with another model", "bare": "it was never verified",
        "broken": "its record cannot be read (KeyError)",
    }  # fmt: skip
    assert (found.adapters["good"].digest, found.adapters["good"].trained_on) == ("1", "b/c")
    assert unlicensed(found, "good") is None
    assert "of its adapter nc, its licence is cc-by-nc-4.0" in str(unlicensed(found, "nc"))
    assert "of its adapter bare, its card names no licence" in str(unlicensed(found, "bare"))
