"""Ask a model the text tasks over the set of reports, through its engine, and print how good the answers are.

    python -m tests.bench.text_tasks --model chest_demo
    python -m tests.bench.text_tasks --model chest_demo --url 127.0.0.1:8001 --out figures.json

Without --url the local engine is started for it. With --references no model is asked.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from service.adapters.models_local import LocalModels
from service.bootstrap import LOCAL
from service.domain.errors import Refused
from service.ports.models import Guidance, Models, Question
from tests.bench.text_tasks.figures import Answers, Figures, figures, groups, references
from tests.bench.text_tasks.forms import TASKS, Task
from tests.bench.text_tasks.report_set import Report, read_set
from tests.support import local_engine
from tests.support.installation import REPOSITORY

ANSWER_TOKENS = 512
"""Room for the longest answer, that of the labels."""
PATIENCE_S = 600.0
COLUMNS = {
    "reports": "n",
    "labels present micro F1": "present",
    "labels present macro F1": "(macro)",
    "labels uncertain micro F1": "uncertain",
    "labels uncertain macro F1": "(macro)",
    "labels absent micro F1": "absent",
    "labels absent macro F1": "(macro)",
    "sections exact": "sections",
    "sections lines": "(lines)",
    "devices F1": "devices",
    "impression recall": "impr. rec.",
    "impression precision": "prec.",
    "change accuracy": "change",
    "prompts too long": "too long",
    "answers unreadable": "unreadable",
}


def ask(models: Models, model: str, task: Task, report: Report) -> str | None:
    """Return the answer, or None where the prompt does not fit the model's context.

    Raises Unavailable and Unclear as the port does, and Refused for any other reason to refuse.
    """
    question = Question(
        model=model,
        parts=(task.prompt(report),),
        guidance=Guidance(kind="json_schema", value=json.dumps(task.schema(report))) if task.schema else None,
        max_tokens=ANSWER_TOKENS,
        timeout_s=PATIENCE_S,
    )
    try:
        return models.ask(question).text
    except Refused as error:
        if "the prompt has" in str(error):  # contract: "the prompt has N tokens, the model takes M"
            return None
        raise


def ask_all(models: Models, model: str, tasks: Sequence[Task], reports: Sequence[Report]) -> dict[str, Answers]:
    """Return the answers by task and report."""
    answers: dict[str, Answers] = {}
    for task in tasks:
        asked = [report for report in reports if task.asked(report)]
        print(f"{task.name}: {len(asked)} prompts", file=sys.stderr)
        answers[task.name] = {report.id: ask(models, model, task, report) for report in asked}
    return answers


@contextmanager
def served(url: str, repository: Path) -> Iterator[Models]:
    """The models at `url`, or, without one, those of `repository` in a local engine."""
    if url.startswith(LOCAL):
        yield LocalModels(url.removeprefix(LOCAL), (repository,))
    elif url:
        from service.adapters.models_triton import TritonModels  # gRPC is loaded only where it is spoken

        yield TritonModels(url, (repository,))
    else:
        with tempfile.TemporaryDirectory() as folder, local_engine.serving(Path(folder), repository) as models:
            yield models


def table(rows: dict[str, Figures]) -> str:
    """Return the figures as a table, one group a line; shares in per cent."""
    width = max(len(name) for name in rows)
    head = " ".join([" " * width, *(f"{short:>10}" for short in COLUMNS.values())])
    cells = {name: [_cell(row.get(column)) for column in COLUMNS] for name, row in rows.items()}
    return "\n".join([head, *(" ".join([f"{name:{width}}", *values]) for name, values in cells.items())])


def _cell(value: float | None) -> str:
    if value is None:
        return f"{'-':>10}"
    return f"{value:>10}" if isinstance(value, int) else f"{100 * value:>10.1f}"


def main(argv: Sequence[str] | None = None) -> None:
    """Print the figures; write figures and answers to a file if asked to."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.text_tasks", description="Measure the text tasks.")
    parser.add_argument("--model", default="chest_demo")
    parser.add_argument("--url", default="", help="host:port of Triton, or unix:PATH of a local engine")
    parser.add_argument("--repository", type=Path, default=REPOSITORY / "triton_models", help="for the local engine")
    parser.add_argument("--task", choices=[task.name for task in TASKS], action="append", help="default: all")
    parser.add_argument("--limit", type=int, help="only so many reports, taken from over the whole set")
    parser.add_argument("--references", action="store_true", help="only what a model is judged by")
    parser.add_argument("--out", type=Path, help="JSON with every figure and every answer")
    arguments = parser.parse_args(argv)
    reports = read_set()
    if arguments.limit:
        reports = reports[:: -(-len(reports) // arguments.limit)]
    rows, answers = references(reports), {}
    if not arguments.references:
        tasks = [task for task in TASKS if not arguments.task or task.name in arguments.task]
        with served(arguments.url, arguments.repository) as models:
            answers = ask_all(models, arguments.model, tasks, reports)
        rows |= {name: figures(group, answers) for name, group in groups(reports).items()}
    print(table(rows))
    if arguments.out:
        told = {"model": arguments.model, "figures": rows, "answers": answers}
        arguments.out.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
