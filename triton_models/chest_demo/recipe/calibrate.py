"""Fit how sure the model is to how often it is right: Platt's scaling, on phantoms of a seed of their own.

    python calibrate.py --seed 800001 --count 600 --out calibration.json

Platt, "Probabilistic outputs for support vector machines" (1999): sigmoid(a * logit(p) + b). One pair for all findings,
and one for each that was right and wrong often enough.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import asking
import numpy as np
import read
from asking import Answer, Case
from engine import engines
from numpy.typing import NDArray

ENOUGH = 12
"""Mistakes that a finding needs for a fit of its own."""
NEAREST = 1e-6
"""Probabilities are kept this far from 0 and 1."""
BINS = 10

Sure = tuple[str, float, bool]
"""A finding's name, the raw probability of what was said of it, and whether that was right."""


def certainties(case: Case, answer: Answer) -> Iterator[Sure]:
    """Yield how sure the model was of each sentence of a report."""
    places = {finding.place for finding in case.found}
    names = {finding.name for finding in case.found}
    for stated in read.statements(answer.text):
        p = float(np.exp(read.certainty(stated, answer.pieces)))
        if stated.finding:
            yield stated.finding.name, p, stated.finding.place in places
        elif stated.absent:
            yield stated.absent, p, stated.absent not in names


def logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log(p / (1 - p)), p kept off the ends."""
    kept = np.clip(p, NEAREST, 1 - NEAREST)
    return np.log(kept / (1 - kept))


def fit(sure: Sequence[Sure]) -> tuple[float, float]:
    """Return a and b by Newton's method, drawn a little towards 1 and 0."""
    x = logit(np.array([p for _, p, _ in sure]))
    y = np.array([right for _, _, right in sure], float)
    # Platt's targets: never quite 0 or 1, so that a finite fit exists.
    y = np.where(y > 0, (y.sum() + 1) / (y.sum() + 2), 1 / (len(y) - y.sum() + 2))
    design = np.stack([x, np.ones_like(x)], 1)
    start = np.array([1.0, 0.0])
    weights, prior = start.copy(), np.array([2.0, 0.2])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (p - y) + prior * (weights - start)
        bend = design.T @ (design * (p * (1 - p))[:, None]) + np.diag(prior)
        weights = weights - np.linalg.solve(bend, slope)
    return round(float(weights[0]), 4), round(float(weights[1]), 4)


def calibrated(p: float, a: float, b: float) -> float:
    """Return the probability that what was said is right."""
    return float(1 / (1 + np.exp(-(a * logit(np.array(p)) + b))))


def error(sure: Sequence[Sure], calibration: dict) -> float:
    """Return the expected calibration error in BINS bins of equal width (Guo et al., 2017)."""
    if not sure:
        return float("nan")
    p = np.array([calibrated(p, *of(calibration, name)) for name, p, _ in sure])
    right = np.array([each for _, _, each in sure], float)
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    gaps = [abs(p[bins == at].mean() - right[bins == at].mean()) * (bins == at).mean() for at in set(bins.tolist())]
    return float(sum(gaps))


def of(calibration: dict, name: str) -> tuple[float, float]:
    """Return a finding's own a and b, or those of all."""
    pair = calibration.get("findings", {}).get(name, calibration)
    return pair["a"], pair["b"]


def calibration(sure: Sequence[Sure]) -> dict:
    """Return the card's table: a, b, and findings with their own."""
    a, b = fit(sure)
    table: dict = {"a": a, "b": b, "findings": {}}
    for name in sorted({name for name, _, _ in sure}):
        own = [each for each in sure if each[0] == name]
        if sum(not right for _, _, right in own) >= ENOUGH:
            table["findings"][name] = dict(zip("ab", fit(own), strict=True))
    return table


def main(argv: Sequence[str] | None = None) -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description="Fit the certainty of the demonstration model.")
    parser.add_argument("--seed", type=int, default=800001, help="of neither training nor evaluation")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(argv)
    engine = engines.load(asking.MODEL, threads=arguments.threads)
    sure: list[Sure] = []
    for case in asking.cases(arguments.seed, arguments.count, "any"):
        sure += certainties(case, asking.ask(engine, case.image, asking.tasks.REPORT))
    table = {"digest": engine.folder.digest, "seed": arguments.seed, "sentences": len(sure)}
    table |= {"error_before": error(sure, {"a": 1.0, "b": 0.0})} | calibration(sure)
    table["error_after"] = error(sure, table)
    print(json.dumps(table, indent=1))
    arguments.out.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
