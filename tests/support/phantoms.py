"""Phantoms rendered by the demo model's own recipe, and DCMTK to send them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.installation import REPOSITORY, Installation

RECIPE = REPOSITORY / "triton_models" / "chest_demo" / "recipe" / "phantom.py"


@dataclass(frozen=True, kw_only=True, slots=True)
class Phantom:
    """One rendered study of one image, with what it shows."""

    file: Path
    study: str
    sop_instance_uid: str
    kind: str
    findings: frozenset[tuple[str, str]]
    """(finding, side), the side empty where there is none."""


def phantoms(folder: Path, *, seed: int, count: int = 0, blank: int = 0, noise: int = 0) -> list[Phantom]:
    """Render phantoms by the recipe's own command line."""
    numbers = {"--seed": seed, "--count": count, "--blank": blank, "--noise": noise}
    arguments = [word for option, number in numbers.items() for word in (option, str(number))]
    command = [sys.executable, str(RECIPE), *arguments, "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    truth = json.loads((folder / "truth.json").read_text())
    return [
        Phantom(
            file=folder / told["file"],
            study=told["study_instance_uid"],
            sop_instance_uid=uid,
            kind=told["kind"],
            findings=frozenset((f["finding"], f.get("side") or "") for f in told["findings"]),
        )
        for uid, told in truth.items()
    ]


def dcmsend(files: Sequence[Path], installation: Installation, *, calling: str = "SENDER") -> None:
    """Send over one association. Raises AssertionError, with what DCMTK said, if a file was not stored."""
    scp = installation.settings.scp
    command = ["dcmsend", "-v", "-aet", calling, "-aec", scp.ae_title, "127.0.0.1", str(scp.port), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert f"with status SUCCESS  : {len(files)}" in said, said
