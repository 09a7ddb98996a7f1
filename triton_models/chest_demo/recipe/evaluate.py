"""Measure the model as it is served: DICOM files, read and windowed, through the engine, against the truth.

    python evaluate.py --seed 900001 --count 400 --out evaluation.json

Needs what the engine needs, and pydicom; no torch.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import phantom
import phantom_dicom
import phantom_words
import pydicom
from engine import engines
from engine.answers import Engine
from engine.contract import Chunk, Guidance, ImageRef, Request, Text
from numpy.typing import NDArray
from phantom_model import EFFUSION_SIZES, SIDES

MODEL = Path(__file__).resolve().parents[1]
EFFUSIONS = [f"{size} {side}" for size in EFFUSION_SIZES for side in SIDES]
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "heart": {"enum": ["enlarged", "normal"]},
            "effusion": {"enum": ["none", *EFFUSIONS]},
            "pneumothorax": {"enum": ["none", "right", "left"]},
            "nodule": {"type": "string", "pattern": "^(none|[0-9]+ mm (right|left) (upper|middle|lower))$"},
        },
        "required": ["heart", "effusion", "pneumothorax", "nodule"],
        "additionalProperties": False,
    }
)

Truth = dict[str, Any]
Image = NDArray[np.uint16]


def read(file: Path) -> Image:
    """Return a file's pixels as a client sends them."""
    dataset = pydicom.dcmread(file)
    return phantom_dicom.presented(dataset.pixel_array, float(dataset.WindowCenter), float(dataset.WindowWidth))


def ask(engine: Engine, image: Image, question: str, **more: Any) -> tuple[str, Chunk]:
    """Return the whole answer and the last response."""
    request = Request((ImageRef(0, "frontal"), Text(question)), (image,), **more)
    chunks = list(engine.generate(request))
    return "".join(chunk.text for chunk in chunks), chunks[-1]


def pictures(seed: int, folder: Path, *, count: int, blank: int = 0, noise: int = 0) -> Iterator[tuple[Image, Truth]]:
    """Yield pictures of a held-out seed, written to `folder` and read back one by one."""
    for name, dataset, truth in phantom.make_all(seed, count=count, blank=blank, noise=noise):
        dataset.save_as(folder / name, enforce_file_format=True)
        yield read(folder / name), truth
        (folder / name).unlink()


def named(report: str) -> set[str]:
    """Return the impression's findings with their sides."""
    said = re.search(r"IMPRESSION: (.*)\.$", report.strip())
    return set(said[1].split(", ")) - {"normal study"} if said else {"unreadable"}


def f1(hits: int, invented: int, missed: int) -> float:
    """Return the harmonic mean of precision and recall."""
    return 2 * hits / (2 * hits + invented + missed)


def evaluate_phantoms(engine: Engine, seed: int, count: int, folder: Path) -> dict[str, Any]:
    """Return the figures of `count` held-out phantoms."""
    exact = hits = invented = missed = accepted = structured = continued = 0
    answers = dict.fromkeys(phantom_words.QUESTIONS, 0)
    seconds: list[float] = []
    for image, truth in pictures(seed, folder, count=count):
        started = time.perf_counter()
        report, last = ask(engine, image, phantom_words.REPORT)
        seconds.append(time.perf_counter() - started)
        right = truth["report"]
        accepted += last.finish != "outside_domain"
        exact += report == right
        told, there = named(report) if report else set(), named(right)
        hits, invented, missed = hits + len(told & there), invented + len(told - there), missed + len(there - told)
        found = phantom_words.from_list(truth["findings"])
        form, _ = ask(engine, image, phantom_words.STRUCTURED, guidance=Guidance("json_schema", SCHEMA))
        structured += form == phantom_words.structured(found)
        beginning = phantom_words.sentences(found)[0] + " "
        rest, _ = ask(engine, image, phantom_words.REPORT, prefix=beginning)
        continued += beginning + rest == right
        for question in phantom_words.QUESTIONS:
            answer, _ = ask(engine, image, question)
            answers[question] += answer == phantom_words.answer(question, found)
    return {
        "phantoms": count,
        "report_exact": exact / count,
        "finding_and_side_f1": f1(hits, invented, missed),
        "invented_findings_per_100": 100 * invented / count,
        "missed_findings_per_100": 100 * missed / count,
        "accepted_by_domain": accepted / count,
        "structured_exact": structured / count,
        "continued_from_prefix_exact": continued / count,
        "questions_right": {question: right / count for question, right in answers.items()},
        "median_seconds_per_report": float(np.median(seconds)),
    }


DISTORTIONS: dict[str, Callable[[Image], Image]] = {
    "inverted": lambda image: np.uint16(65535) - image,
    "upside_down": lambda image: image[::-1],
    "turned_by_a_quarter": lambda image: np.rot90(image),
}


def evaluate_domain(engine: Engine, seed: int, count: int, folder: Path) -> dict[str, float]:
    """Return the share of pictures refused, by kind."""
    refused = dict.fromkeys(("blank", "noise", *DISTORTIONS), 0)

    def look(kind: str, image: Image) -> None:
        report, last = ask(engine, np.ascontiguousarray(image), phantom_words.REPORT)
        refused[kind] += last.finish == "outside_domain" and not report

    for image, truth in pictures(seed, folder, count=0, blank=count, noise=count):
        look(truth["kind"], image)
    for image, _ in pictures(seed + 1, folder, count=count):
        for kind, distort in DISTORTIONS.items():
            look(kind, distort(image))
    return {kind: number / count for kind, number in refused.items()}


def main(argv: Sequence[str] | None = None) -> None:
    """Print the figures and write them to a file."""
    parser = argparse.ArgumentParser(description="Evaluate the demonstration model through the engine.")
    parser.add_argument("--seed", type=int, default=900001, help="held out: training draws from other seeds")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--strangers", type=int, default=100, help="of each kind")
    parser.add_argument("--threads", type=int, help="default: all cores")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args(argv)
    engine = engines.load(MODEL, threads=arguments.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        figures = {
            "seed": arguments.seed,
            "digest": engine.folder.digest,
            **evaluate_phantoms(engine, arguments.seed, arguments.count, folder),
            "refused": evaluate_domain(engine, arguments.seed, arguments.strangers, folder),
        }
    print(json.dumps(figures, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
