"""The pictures that training draws from: rendered once, in parallel, and kept. NumPy, Pillow and pydicom."""

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import findings
import phantom_dicom
import phantom_model
import phantom_views
from engine.folder import ImageForm, letterbox
from findings import Finding

SIDE = 160
FORM = ImageForm(
    rows=SIDE,
    columns=SIDE,
    mean=0.45,
    std=0.28,
    padding=0.0,
    filter="box",
    token="<|image|>",
    tokens_per_image=87,
    max_images=1,
)
"""As the model folder says; mean, std and tokens are filled in by `export.py`."""
RENDER_SIDE = 208
"""Long side of the pictures the pool is made of: more than the model's, so the resizing has something to do."""
SHARES = {"frontal": 0.56, "lateral": 0.19, "ct": 0.25}
SHARD = 250

Pictures = NDArray[np.uint8]
Shown = tuple[str, tuple[Finding, ...]]
"""The view and the findings of a picture."""


@dataclass(frozen=True)
class Pool:
    """Pictures (n, SIDE, SIDE), 0..255, and what each shows."""

    pictures: Pictures
    shown: list[Shown]
    rendered_s: float
    """Processor time that rendering took."""


def picture(
    rng: np.random.Generator, kind: str, combinations: str, words: str | None = None
) -> tuple[NDArray[np.float32], Shown]:
    """Return (SIDE, SIDE) over 0..1: rendered, stored, windowed and resized as a received file is."""
    phantom = phantom_model.sample(rng, kind, combinations)
    if kind == "ct":
        scanner = phantom_dicom.sample_scanner(rng)
        rendered = phantom_views.render(phantom, RENDER_SIDE, RENDER_SIDE, words)
        values = phantom_dicom.presented(phantom_dicom.hounsfield(rendered.grey), scanner.centre, scanner.width)
    else:
        detector = phantom_dicom.sample_detector(rng)
        shrink = RENDER_SIDE / max(detector.rows, detector.columns)
        size = round(detector.rows * shrink), round(detector.columns * shrink)
        rendered = phantom_views.render(phantom, *size, words)
        stored = phantom_dicom.stored(rendered.grey, detector)
        values = phantom_dicom.presented(*stored, inverted=detector.inverted)
    return letterbox(values, FORM), (kind, rendered.findings)


def make(folder: Path, seed: int, count: int, processes: int) -> Pool:
    """Return `count` pictures of combinations that training may see; what `folder` holds is not rendered again."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range((count + SHARD - 1) // SHARD)
    with ProcessPoolExecutor(processes) as workers:
        files = list(workers.map(partial(_shard, folder, seed), numbers))
    shards = [np.load(file) for file in files]
    shown = [_shown(json.loads(line)) for shard in shards for line in shard["shown"]]
    pictures = np.concatenate([shard["pictures"] for shard in shards])
    return Pool(pictures[:count], shown[:count], sum(float(shard["took_s"]) for shard in shards))


def _shard(folder: Path, seed: int, number: int) -> Path:
    file = folder / f"{seed}-{number:04d}.npz"
    if file.exists():
        return file
    started, rng = time.process_time(), np.random.default_rng((seed, 1, number))
    kinds = rng.choice(list(SHARES), size=SHARD, p=list(SHARES.values()))
    made = [picture(rng, str(kind), "seen") for kind in kinds]
    new = file.with_suffix(".new.npz")
    np.savez(
        new,
        pictures=np.stack([np.rint(grey * 255).astype(np.uint8) for grey, _ in made]),
        shown=[json.dumps([view, findings.as_list(found)]) for _, (view, found) in made],
        took_s=time.process_time() - started,
    )
    new.replace(file)
    return file


def _shown(told: list) -> Shown:
    view, found = told
    return view, findings.from_list(found)
