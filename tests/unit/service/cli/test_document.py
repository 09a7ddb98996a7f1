"""deploy/docs/cli.md names every verb and every option, and none that is not there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from service.cli.app import app
from service.cli.verbs import HIDDEN, VERBS
from tests.unit.service.cli.conftest import REPOSITORY, Preread

PAGE = (REPOSITORY / "deploy" / "docs" / "cli.md").read_text(encoding="utf-8")
ROOT: Any = get_command(app)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that a person may call, groups opened; a group that does something by itself is one, too."""
    for verb in VERBS:
        if verb not in HIDDEN:
            yield from _opened(verb, ROOT.get_command(None, verb))


def _opened(name: str, found: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(found, "commands", None)
    if not inner or found.invoke_without_command:
        yield name, found
    for one, command in (inner or {}).items():
        yield from _opened(f"{name} {one}", command)


COMMANDS = dict(commands())


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_has_a_row_for_every_command_with_its_options(name: str) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `preread {name}` |")]
    options = {word for found in COMMANDS[name].params for word in found.opts if word.startswith("--")}
    assert set(re.findall(r"--[a-z-]+", row)) == options


def test_the_page_has_no_row_for_what_is_not_there() -> None:
    assert set(re.findall(r"^\| `preread ([a-z ]+)` \|", PAGE, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, preread: Preread) -> None:
    said = preread(*name.split(), "--help")
    assert said.code == 0
    assert COMMANDS[name].help
