"""Write phantoms as DICOM files with the truth beside them.

    python triton_models/chest_demo/recipe/phantom.py --seed 7 --count 3 --lateral 1 --ct 1 --out phantoms

Each radiograph is a study of its own, each CT a study of one series. `truth.json` says, by SOP Instance UID, what is
in each picture and which report is right. The same seed gives the same files, byte for byte. Needs NumPy and pydicom
alone.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset

# The recipe is a folder of scripts, no package: its modules are found beside this one.
sys.path.insert(0, str(Path(__file__).resolve().parent))

import findings
import phantom_dicom
import phantom_marks
import phantom_model
import phantom_views
import tasks

KINDS = ("phantom", "blank", "noise", "lateral", "ct")
"""phantom: a frontal radiograph."""
SLICES = 6
"""Of one CT phantom, unless asked otherwise."""

Truth = dict[str, Any]


def make(
    *,
    seed: int,
    number: int,
    kind: str = "phantom",
    uniform: bool = False,
    combinations: str = "any",
    words: str | None = None,
) -> tuple[FileDataset, Truth]:
    """Return the file of one radiograph and its truth; `number` counts from 1 within its kind.

    `uniform` gives all pictures the same size, depth and window, so that their pixels can be exchanged.
    `words` are burned into the picture.
    """
    rng = np.random.default_rng((seed, KINDS.index(kind), number))
    phantom = phantom_model.sample(rng, "lateral" if kind == "lateral" else "frontal", combinations)
    detector = phantom_dicom.UNIFORM if uniform else phantom_dicom.sample_detector(rng)
    subject = phantom_dicom.sample_subject(rng, number=number, kind=kind, seed=seed, sex=phantom.sex, view=phantom.view)
    size = detector.rows, detector.columns
    if kind in ("blank", "noise"):
        grey = np.full(size, rng.uniform(0, 1), np.float32) if kind == "blank" else rng.random(size, np.float32)
        return phantom_dicom.encode(grey, subject, detector), _truth(kind, subject, None)
    rendered = phantom_views.render(phantom, *size, words=words)
    return phantom_dicom.encode(rendered.grey, subject, detector), _truth(kind, subject, rendered, words)


def make_series(
    *, seed: int, number: int, slices: int = SLICES, combinations: str = "any", words: str | None = None
) -> Iterator[tuple[FileDataset, Truth]]:
    """Yield the files of one CT phantom from top to bottom, each with the truth about its slice."""
    rng = np.random.default_rng((seed, KINDS.index("ct"), number))
    patient = phantom_model.series(rng, slices, combinations)
    scanner = phantom_dicom.sample_scanner(rng)
    subject = phantom_dicom.sample_subject(rng, number=number, kind="ct", seed=seed, sex=patient[0].sex, view="AX")
    for place, phantom in enumerate(patient, 1):
        rendered = phantom_views.render(phantom, scanner.side, scanner.side, words=words)
        truth = _truth("ct", subject, rendered, words) | {"slice": place, "slices": slices}
        yield phantom_dicom.encode_slice(rendered.grey, subject, scanner, place), truth


def _truth(
    kind: str, subject: phantom_dicom.Subject, rendered: phantom_views.Rendered | None, words: str | None = None
) -> Truth:
    view = findings.VIEWS[subject.view]
    found = rendered.findings if rendered else ()
    return {
        "kind": kind,
        "study_instance_uid": phantom_dicom.uid(subject, "study"),
        "view": "" if subject.view == "AX" else subject.view,
        "view_name": view,
        "findings": findings.as_list(found),
        "held_out": findings.held_out(found),
        "burned_in": words,
        "report": tasks.narrative(found, view) if rendered else None,
    }


def make_all(
    seed: int,
    *,
    count: int,
    blank: int = 0,
    noise: int = 0,
    uniform: bool = False,
    lateral: int = 0,
    ct: int = 0,
    slices: int = SLICES,
    combinations: str = "any",
    burn: bool = False,
) -> Iterator[tuple[str, FileDataset, Truth]]:
    """Yield a file name, the file and its truth for each picture asked for; `burn` burns instructions into them."""
    for kind, number_of in (("phantom", count), ("blank", blank), ("noise", noise), ("lateral", lateral)):
        for number in range(1, number_of + 1):
            words = _order(number) if burn else None
            dataset, truth = make(
                seed=seed, number=number, kind=kind, uniform=uniform, combinations=combinations, words=words
            )
            yield f"{kind}-{number:04d}.dcm", dataset, truth
    for number in range(1, ct + 1):
        words = _order(number) if burn else None
        patient = make_series(seed=seed, number=number, slices=slices, combinations=combinations, words=words)
        for place, (dataset, truth) in enumerate(patient, 1):
            yield f"ct-{number:04d}-{place:02d}.dcm", dataset, truth


def _order(number: int) -> str:
    return phantom_marks.ORDERS[number % len(phantom_marks.ORDERS)]


def main(argv: Sequence[str] | None = None) -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description="Write chest phantoms as DICOM studies, with their truth.")
    parser.add_argument("--seed", type=int, default=1, help="of all variety and of the UIDs")
    parser.add_argument("--count", type=int, default=1, help="frontal radiographs")
    parser.add_argument("--lateral", type=int, default=0, help="lateral radiographs")
    parser.add_argument("--ct", type=int, default=0, help="CT series")
    parser.add_argument("--slices", type=int, default=SLICES, help="of each CT series")
    parser.add_argument("--blank", type=int, default=0, help="pictures of one grey")
    parser.add_argument("--noise", type=int, default=0, help="pictures of noise")
    parser.add_argument("--uniform", action="store_true", help="radiographs all of one size, depth and window")
    parser.add_argument(
        "--combinations", choices=("any", "seen", "unseen"), default="any", help="of findings: seen in training or not"
    )
    parser.add_argument("--burn", action="store_true", help="burn instructions into the pictures")
    parser.add_argument("--out", type=Path, required=True, help="a folder, made where it is missing")
    arguments = parser.parse_args(argv)
    options = {name: value for name, value in vars(arguments).items() if name not in ("seed", "out")}
    arguments.out.mkdir(parents=True, exist_ok=True)
    truths = {}
    for name, dataset, truth in make_all(arguments.seed, **options):
        dataset.save_as(arguments.out / name, enforce_file_format=True)
        truths[str(dataset.SOPInstanceUID)] = {"file": name, **truth}
    (arguments.out / "truth.json").write_text(json.dumps(truths, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
