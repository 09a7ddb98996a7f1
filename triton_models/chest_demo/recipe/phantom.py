"""Write phantoms as DICOM files with the truth beside them.

    python triton_models/chest_demo/recipe/phantom.py --seed 7 --count 3 --out phantoms

Each file is a study of its own. `truth.json` says, by SOP Instance UID, what is in each picture and which report
is right. The same seed gives the same files, byte for byte. Needs NumPy and pydicom alone.
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

import phantom_dicom
import phantom_model
import phantom_words

KINDS = ("phantom", "blank", "noise")

Truth = dict[str, Any]


def make(*, seed: int, number: int, kind: str = "phantom", uniform: bool = False) -> tuple[FileDataset, Truth]:
    """Return the file of one picture and its truth; `number` counts from 1 within its kind.

    `uniform` gives all pictures the same size, depth and window, so that their pixels can be exchanged.
    """
    rng = np.random.default_rng((seed, KINDS.index(kind), number))
    phantom = phantom_model.sample(rng)
    detector = phantom_dicom.sample_detector(rng)
    if uniform:
        detector = phantom_dicom.UNIFORM
    subject = phantom_dicom.sample_subject(rng, number=number, kind=kind, seed=seed, sex=phantom.sex, view=phantom.view)
    size = detector.rows, detector.columns
    if kind == "blank":
        grey = np.full(size, rng.uniform(0, 1), np.float32)
    elif kind == "noise":
        grey = rng.random(size, np.float32)
    else:
        grey = phantom_model.render(phantom, *size)
    truth: Truth = {
        "kind": kind,
        "study_instance_uid": phantom_dicom.uid(subject, "study"),
        "view": phantom.view,
        "findings": phantom_words.as_list(phantom.findings) if kind == "phantom" else [],
        "report": phantom_words.report(phantom.findings) if kind == "phantom" else None,
    }
    return phantom_dicom.encode(grey, subject, detector), truth


def make_all(
    seed: int, *, count: int, blank: int = 0, noise: int = 0, uniform: bool = False
) -> Iterator[tuple[str, FileDataset, Truth]]:
    """Yield a file name, the file and its truth for each picture asked for."""
    for kind, number_of in zip(KINDS, (count, blank, noise), strict=True):
        for number in range(1, number_of + 1):
            yield f"{kind}-{number:04d}.dcm", *make(seed=seed, number=number, kind=kind, uniform=uniform)


def main(argv: Sequence[str] | None = None) -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description="Write chest phantoms as DICOM studies, with their truth.")
    parser.add_argument("--seed", type=int, default=1, help="of all variety and of the UIDs")
    parser.add_argument("--count", type=int, default=1, help="phantoms")
    parser.add_argument("--blank", type=int, default=0, help="pictures of one grey")
    parser.add_argument("--noise", type=int, default=0, help="pictures of noise")
    parser.add_argument("--uniform", action="store_true", help="all of one size, depth and window")
    parser.add_argument("--out", type=Path, required=True, help="a folder, made where it is missing")
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    truths = {}
    for name, dataset, truth in make_all(
        arguments.seed,
        count=arguments.count,
        blank=arguments.blank,
        noise=arguments.noise,
        uniform=arguments.uniform,
    ):
        dataset.save_as(arguments.out / name, enforce_file_format=True)
        truths[str(dataset.SOPInstanceUID)] = {"file": name, **truth}
    (arguments.out / "truth.json").write_text(json.dumps(truths, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
