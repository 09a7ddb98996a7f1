"""The figures of a run: per task, for all reports and for each language and style."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tests.bench.text_tasks.baseline import keywords, nothing_mentioned
from tests.bench.text_tasks.forms import read_json
from tests.bench.text_tasks.mentions import findings
from tests.bench.text_tasks.report_set import STATED, Report
from tests.bench.text_tasks.scores import (
    Count,
    changes_right,
    count_labels,
    count_sets,
    facts_supported,
    facts_told,
    lines_right,
    macro_f1,
    micro_f1,
    named_devices,
    share,
)

Answers = Mapping[str, str | None]
"""By the report's id; None where the prompt did not fit the model's context. A report not asked is not in it."""
Figures = dict[str, float | None]


def groups(reports: Sequence[Report]) -> dict[str, list[Report]]:
    """Return all reports, then those of each language, kind and style."""
    found = {"all": list(reports)}
    for aspect in ("language", "kind", "style"):
        for value in sorted({getattr(report, aspect) for report in reports}):
            found[f"{aspect} {value}"] = [report for report in reports if getattr(report, aspect) == value]
    return found


def figures(reports: Sequence[Report], answers: Mapping[str, Answers]) -> Figures:
    """Return every figure of `reports`; None where no report was asked. A prompt too long counts as no answer."""
    made: Figures = {"reports": len(reports)}
    for task, score in SCORES.items():
        asked = [(report, answers[task][report.id] or "") for report in reports if report.id in answers.get(task, {})]
        if asked:
            made |= score(asked)
    return made | _failures([report.id for report in reports], answers)


def label_figures(pairs: Sequence[tuple[Mapping[str, str], Mapping[str, str]]]) -> Figures:
    """Return micro and macro F1 of each state over (right, answered) labels."""
    counts = {state: count_labels(state, pairs) for state in STATED}
    micro: Figures = {f"labels {state} micro F1": micro_f1(count) for state, count in counts.items()}
    return micro | {f"labels {state} macro F1": macro_f1(count) for state, count in counts.items()}


def references(reports: Sequence[Report]) -> dict[str, Figures]:
    """Return what no model reaches, to judge a model by: two baselines, and the reports' own impressions."""
    concluded = [report for report in reports if report.facts and report.sections.get("impression")]
    return {
        "labels: nothing mentioned": label_figures([(report.labels, nothing_mentioned()) for report in reports]),
        "labels: keywords": label_figures([(report.labels, keywords(report.text)) for report in reports]),
        "change: always stable": _change([(report, "") for report in reports if report.prior], always="stable"),
        "impression: the report's own": _impression([(report, report.section("impression")) for report in concluded]),
    }


def _labels(asked: Sequence[tuple[Report, str]]) -> Figures:
    return label_figures([(report.labels, read_json(answer) or {}) for report, answer in asked])


def _sections(asked: Sequence[tuple[Report, str]]) -> Figures:
    lines = [lines_right(report, read_json(answer) or {}) for report, answer in asked]
    return {"sections exact": share((int(right == of), 1) for right, of in lines), "sections lines": share(lines)}


def _devices(asked: Sequence[tuple[Report, str]]) -> Figures:
    counts = [count_sets(report.devices, named_devices(read_json(answer) or {})) for report, answer in asked]
    return {"devices F1": sum(counts, Count()).f1}


def _impression(asked: Sequence[tuple[Report, str]]) -> Figures:
    written = [(report, findings(answer)) for report, answer in asked]
    told = [facts_told(report.facts, found) for report, found in written]
    supported = [
        facts_supported(report.facts, found, findings(report.section("findings"))) for report, found in written
    ]
    return {"impression recall": share(told), "impression precision": share(supported)}


def _change(asked: Sequence[tuple[Report, str]], *, always: str = "") -> Figures:
    answered = [
        (report, dict.fromkeys(report.change, always) if always else read_json(answer) or {})
        for report, answer in asked
    ]
    return {"change accuracy": share(changes_right(report.change, changes) for report, changes in answered)}


def _failures(ids: Sequence[str], answers: Mapping[str, Answers]) -> Figures:
    given = [(task, told[name]) for task, told in answers.items() for name in ids if name in told]
    return {
        "prompts": len(given),
        "prompts too long": sum(answer is None for _, answer in given),
        "answers unreadable": sum(
            answer is not None and task != "impression" and read_json(answer) is None for task, answer in given
        ),
    }


SCORES: dict[str, Callable[[Sequence[tuple[Report, str]]], Figures]] = {
    "labels": _labels,
    "sections": _sections,
    "devices": _devices,
    "impression": _impression,
    "change": _change,
}
