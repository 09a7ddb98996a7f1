"""`preread rules`: errors name file and line, and every clause says what was wanted and found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from service.ports.services import Services
from tests.unit.service.cli.conftest import EXAMPLES, PHANTOM, Preread


def test_the_examples_hold_no_mistake(preread: Preread) -> None:
    assert preread("rules", "check", EXAMPLES / "site").code == 0
    assert preread("rules", "check", EXAMPLES / "demo" / "rules.toml").out.endswith("no mistake\n")


def test_a_mistake_is_named_with_its_line(preread: Preread, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text('[[rule]]\nname = "a"\nprotocol = "none"\nwhen.modalty = ["CT"]\n')
    said = preread("rules", "check", tmp_path)
    assert said.code == 2
    assert "rules.toml:4" in said.err


@pytest.mark.parametrize("name", ["nothing.toml", "nowhere/rules.toml"])
def test_a_file_that_is_not_there_is_no_file_beside_it(name: str, preread: Preread, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("")
    assert preread("rules", "check", tmp_path / name).code == 2


def test_what_is_no_text_is_named(preread: Preread, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_bytes(b"\xff\xfe\x00")
    said = preread("rules", "check", tmp_path)
    assert said.code == 2
    assert "is not text in UTF-8" in said.err


def test_every_clause_is_held_against_a_file_without_any_installation(preread: Preread, data: Path) -> None:
    said = preread("rules", "test", PHANTOM, "--rules", EXAMPLES / "demo", "--json")
    clauses = [clause for line in said.out.splitlines() if (clause := json.loads(line))["rule"] == "radiographs"]
    assert [clause["holds"] for clause in clauses] == ["yes"] * len(clauses)
    assert {"clause": "modality", "wanted": "CR or DX", "found": "CR"}.items() <= clauses[-1].items()
    assert not data.exists()


def test_the_active_rules_are_held_and_what_is_no_dicom_is_said(
    preread: Preread, services: Services, tmp_path: Path
) -> None:
    (tmp_path / "readme").write_text("not DICOM")
    said = preread("rules", "test", tmp_path / "readme")
    assert said.err == f"{tmp_path / 'readme'}: It is no DICOM object.\n"
    assert said.out == "(no study)\n"
    assert "radiographs" in preread("rules", "test", PHANTOM).out


def test_a_source_that_does_not_exist_is_named_with_the_known_ones(preread: Preread, services: Services) -> None:
    said = preread("rules", "test", PHANTOM, "--source", "nobody")
    assert (said.code, said.out) == (2, "")
    assert said.err == "preread: source 'nobody' does not exist; known: demo-modality, archive\n"
    assert preread("rules", "test", PHANTOM, "--source", "archive").code == 0
