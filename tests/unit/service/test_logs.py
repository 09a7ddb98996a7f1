"""Logs are events with fields; what an exception quotes from a header stays out of them (invariant 11)."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from service import logs


@pytest.fixture(autouse=True)
def _as_it_was() -> object:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def fail() -> None:
    raise ValueError("cannot read 'Canary^Karl'")


def test_an_exception_is_told_by_type_and_place_without_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(process="test", readable=False)
    try:
        fail()
    except ValueError:
        structlog.get_logger("x").exception("job failed", job="7")
    said = capsys.readouterr().err
    assert "Canary" not in said
    event = json.loads(said)
    assert (event["event"], event["job"], event["process"], event["error"]) == ("job failed", "7", "test", "ValueError")
    assert any(frame.endswith(" fail") for frame in event["frames"])


def test_other_libraries_are_heard_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(process="test", readable=False)
    try:
        fail()
    except ValueError:
        logging.getLogger("somebody").exception("went wrong")
    logging.getLogger("somebody").info("Canary^Karl at info is not heard")
    said = capsys.readouterr().err
    assert "Canary" not in said
    assert json.loads(said)["event"] == "went wrong"
