"""`preread templates`: what there is to fill, whether a file can be, and keeping it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.forms import EVERY_KIND, markup, section
from tests.unit.service.cli.conftest import Preread


def test_ours_are_listed_without_any_installation(preread: Preread, data: Path) -> None:
    said = preread("templates", "list", "--json")
    assert [json.loads(line)["name"] for line in said.out.splitlines()] == [
        "any", "chest-ct", "chest-radiograph", "head-ct",
    ]  # fmt: skip
    assert not data.exists()


def test_a_template_is_shown_by_its_fields_or_as_a_schema(preread: Preread) -> None:
    (size,) = (line for line in preread("templates", "show", "chest-ct").out.splitlines() if "nodule-size" in line)
    assert "1 to 200 mm" in size
    assert "SCT 81827009, SCT 27925004" in size
    assert json.loads(preread("templates", "show", "any", "--schema").out)["type"] == "object"
    said = preread("templates", "show", "none")
    assert (said.code, said.err) == (
        1, "preread: there is no template none; `preread templates list` names those that are\n",
    )  # fmt: skip


def test_a_file_is_checked_and_nothing_is_kept(preread: Preread, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.html"
    file.write_text("<img src='x.png'>" + EVERY_KIND)
    said = preread("templates", "check", file)
    assert said.out == "line 1: <img> was left out\nmine: Test: 1 section, 5 fields: no mistake\n"
    assert not data.exists()


def test_a_mistake_is_named_with_its_line_and_what_to_do(preread: Preread, tmp_path: Path) -> None:
    file = tmp_path / "mine.html"
    file.write_text(markup(section('<input id="a">\n<script>alert(1)</script>')))
    for verb in ("check", "add"):
        said = preread("templates", verb, file)
        assert said.code == 2
        assert "mine.html:8: <script> is refused: a template runs nothing" in said.err


def test_what_is_added_is_listed_and_a_broken_one_beside_it_is_named(
    preread: Preread, data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.html"
    file.write_text(EVERY_KIND)
    assert "kept in" in preread("templates", "add", file).out
    (data / "templates" / "broken.json").write_text("{")
    said = preread("templates", "list")
    assert "mine" in said.out
    assert said.err.startswith("broken.json:1: no JSON")
