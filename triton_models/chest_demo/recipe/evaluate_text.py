"""Measure the tasks that read text, on prose of a held-out seed of the recipe's own grammar, and guided answers."""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

import asking
import numpy as np
import prose
import tasks
from asking import ask, share
from engine.answers import Engine
from fitting import fits

SCHEMAS = {maker: tasks.SCHEMAS.get(instruction) for maker, instruction in (
    (prose.label_task, tasks.LABELS),
    (prose.devices_task, tasks.DEVICES),
    (prose.impression_task, tasks.IMPRESSION),
    (prose.sections_task, tasks.SECTIONS),
    (prose.change_task, tasks.CHANGE),
)}  # fmt: skip


def evaluate(engine: Engine, seed: int, count: int) -> dict[str, Any]:
    """Return the share of answers that are right in every token, by task, and the labels' figures."""
    figures: dict[str, Any] = {}
    for maker, schema in SCHEMAS.items():
        rng = np.random.default_rng((seed, 7))
        asked = [prose.task(rng, maker) for _ in range(count)]
        guidance = {"guidance": asking.guided(schema())} if schema else {}
        told = [ask(engine, None, each.question, **guidance).text for each in asked]
        figures[maker.__name__] = share([text == each.answer for text, each in zip(told, asked, strict=True)])
        if maker is prose.label_task:
            figures["labels"] = _labels(
                [json.loads(text) for text in told], [json.loads(each.answer) for each in asked]
            )
    return figures


def _labels(told: Sequence[dict[str, str]], right: Sequence[dict[str, str]]) -> dict[str, float]:
    """Return the accuracy over all labels, and F1 of each state over all labels."""
    pairs = [(one[label], other[label]) for one, other in zip(told, right, strict=True) for label in tasks.CHEXPERT]
    figures = {"accuracy": share([one == other for one, other in pairs])}
    for state in tasks.STATES[:3]:
        hits = sum(one == other == state for one, other in pairs)
        said, there = (sum(pair[at] == state for pair in pairs) for at in (0, 1))
        figures[f"f1_{state}"] = 2 * hits / max(1, said + there)
    return figures


def evaluate_guided(engine: Engine, seed: int, count: int) -> dict[str, Any]:
    """Return how many of `count` guided answers are whole and valid: four in ten of pictures, the rest of text.

    A picture that the model refuses gets no answer, so that the next one is asked about.
    """
    valid: dict[str, list[bool]] = {"structured": []}
    structured = tasks.structured_schema()
    pictures, refused = round(0.4 * count), 0
    for case in chain(asking.cases(seed + 5, pictures, "any"), asking.cases(seed + 6, pictures, "any")):
        if len(valid["structured"]) == pictures:
            break
        answer = ask(engine, case.image, tasks.STRUCTURED, guidance=asking.guided(structured))
        if answer.finish == "outside_domain":
            refused += 1
        else:
            valid["structured"].append(fits(_parsed(answer.text), structured))
    makers = [maker for maker, schema in SCHEMAS.items() if schema]
    rng = np.random.default_rng((seed, 8))
    for number in range(count - pictures):
        maker = makers[number % len(makers)]
        schema = SCHEMAS[maker]()  # type: ignore[misc]
        answer = ask(engine, None, prose.task(rng, maker).question, guidance=asking.guided(schema))
        valid.setdefault(maker.__name__, []).append(fits(_parsed(answer.text), schema))
    every = [each for some in valid.values() for each in some]
    return {"answers": len(every), "valid": sum(every), "refused_beside": refused} | {
        f"valid_{kind}": share(some) for kind, some in valid.items()
    }


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None
