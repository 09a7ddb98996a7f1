"""The command line in this process, on an installation in a folder: a ledger and a spool, no process, no socket."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from service.bootstrap import silent
from service.cli import main
from service.cli.intake import take_in
from service.flow.assemble import hand_over
from service.ports.services import Services
from service.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[4]
EXAMPLES = REPOSITORY / "deploy" / "examples"
PHANTOM = EXAMPLES / "chest" / "phantom.dcm"


@dataclass(frozen=True)
class Said:
    """What a call of `preread` left: its exit code and its words."""

    code: int
    out: str
    err: str


Preread = Callable[..., Said]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder that the environment names; nothing lies there yet."""
    folder = tmp_path / "data"
    monkeypatch.setenv("PREREAD_DATA", str(folder))
    monkeypatch.setenv("PREREAD_MODELS__URL", f"unix:{tmp_path / 'no-engine.sock'}")
    monkeypatch.setenv("PREREAD_BROKER", f"redis+socket://{tmp_path / 'no-redis.sock'}")
    monkeypatch.setenv("COLUMNS", "400")
    return folder


@pytest.fixture
def preread(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Preread]:
    """`preread ARGUMENTS`, as the console script runs it."""

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["preread", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return Said(end.value.code if isinstance(end.value.code, int) else 0, out, err)

    root, hook = logging.getLogger(), threading.excepthook
    handlers, level = root.handlers[:], root.level
    with warnings.catch_warnings():
        yield call
    root.handlers[:], threading.excepthook = handlers, hook
    root.setLevel(level)
    logging.disable(logging.NOTSET)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def services(data: Path) -> Iterator[Services]:
    """An installation with the demo's configuration."""
    found = silent(Settings.load(), process="test")
    found.ledger.upgrade()
    texts = {name: (EXAMPLES / "demo" / name).read_text() for name in ("nodes.toml", "rules.toml")}
    found.configurations.apply({k: v.replace("{archive_port}", "4242") for k, v in texts.items()}, by="test")
    yield found
    found.headers.close()  # type: ignore[attr-defined]
    found.ledger.close()


@pytest.fixture
def study(services: Services) -> str:
    """A study that was received and handed over to the rules."""
    (taken,) = take_in([PHANTOM], services)
    hand_over(
        taken.study_instance_uid,  # type: ignore[arg-type]
        services.ledger,
        services.configurations.active(),
        clock=services.clock,
        bell=services.bell,
    )
    return taken.study_instance_uid
