"""Verbs that are imported when they are called: a receiver need not load what pages are made of."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

VERBS: Mapping[str, str] = {
    "up": "service.cli.up:up",
    "demo": "service.cli.demo:demo",
    "run": "service.cli.run:run",
    "doctor": "service.cli.doctor:doctor",
    "check": "service.cli.check:check",
    "studies": "service.cli.studies:app",
    "jobs": "service.cli.jobs:app",
    "deliveries": "service.cli.deliveries:app",
    "complete": "service.cli.complete:complete",
    "ask": "service.cli.ask:ask",
    "evidence": "service.cli.evidence:evidence",
    "quality": "service.cli.quality:quality",
    "report": "service.cli.report:app",
    "rules": "service.cli.rules:app",
    "models": "service.cli.models:app",
    "templates": "service.cli.templates:app",
    "nodes": "service.cli.nodes:app",
    "config": "service.cli.config:app",
    "tokens": "service.cli.tokens:app",
    "scp": "service.cli.processes.scp:scp",
    "worker": "service.cli.processes.worker:worker",
    "web": "service.cli.processes.web:web",
    "sweep": "service.cli.processes.sweep:sweep",
    "archive": "service.cli.demo:archive",
}
"""Verb -> module and function (or group), in the order of the help text."""

HIDDEN = {"archive"}
PROCESSES = {"scp", "worker", "web", "sweep", "archive", "up"}
"""What runs unattended, and so writes a log."""


class Verbs(TyperGroup):
    """The top of the command tree."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in VERBS:
            return None
        module, name = VERBS[cmd_name].split(":")
        found = getattr(import_module(module), name)
        command = get_command(found if isinstance(found, typer.Typer) else _alone(found, cmd_name))
        command.name, command.hidden = cmd_name, cmd_name in HIDDEN
        return command


def _alone(function: object, name: str) -> typer.Typer:
    """An application of one command, which Typer turns into that command."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(name)(function)  # type: ignore[type-var]  # Typer takes any callable with annotations
    return app
