"""Phantoms rendered by the demo model's own recipe, and DCMTK to send them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.installation import REPOSITORY, Installation

RECIPE = REPOSITORY / "triton_models" / "chest_demo" / "recipe" / "phantom.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class Phantom:
    """One rendered study, with what it shows: a radiograph, or the slices of a CT."""

    files: tuple[Path, ...]
    study: str
    sop_instance_uid: str
    """Of the first file."""
    kind: str
    view: str
    """frontal, lateral or ct."""
    findings: frozenset[tuple[str, str]]
    """(finding, side) on any of its images, the side empty where there is none."""

    @property
    def file(self) -> Path:
        return self.files[0]


def phantoms(folder: Path, *, seed: int, combinations: str = "any", **wanted: int) -> list[Phantom]:
    """Render `wanted` phantoms by the recipe's own command line: count (frontal), lateral, ct, blank, noise.

    `combinations` of findings: any, those seen in training, or those never seen there.
    """
    told = {"seed": seed, "combinations": combinations, "count": 0, **wanted}
    arguments = [word for name, value in told.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, str(RECIPE), *arguments, "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    truth = json.loads((folder / "truth.json").read_text())
    studies: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for uid, told in truth.items():
        studies.setdefault(told["study_instance_uid"], []).append((uid, told))
    return [_phantom(folder, images) for images in studies.values()]


def _phantom(folder: Path, images: Sequence[tuple[str, dict[str, Any]]]) -> Phantom:
    uid, first = images[0]
    shown = [found for _, told in images for found in told["findings"]]
    return Phantom(
        files=tuple(folder / told["file"] for _, told in images),
        study=first["study_instance_uid"],
        sop_instance_uid=uid,
        kind=first["kind"],
        view=first["view_name"],
        findings=frozenset((found["finding"], found.get("side") or "") for found in shown),
    )


def dcmsend(files: Sequence[Path], installation: Installation, *, calling: str = "SENDER") -> None:
    """Send over one association. Raises AssertionError, with what DCMTK said, if a file was not stored."""
    scp = installation.settings.scp
    command = ["dcmsend", "-v", "-aet", calling, "-aec", scp.ae_title, "127.0.0.1", str(scp.port), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert f"with status SUCCESS  : {len(files)}" in said, said
