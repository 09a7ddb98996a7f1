"""Goldens: questions whose tensors, prompts and tokens are known, asked again by the engine alone.

    python triton_models/engine/goldens.py MODEL [--pixels FRAME.npy]

They lie in the version folder as `goldens/goldens.json` and were answered by the framework's model when the folder was
made; asked again on another machine, driver or version of the runtime they say whether the model still answers so.
Prints one JSON line. Needs no framework.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# As a script this file is alone on the path; the package is found beside the models.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.adapters import Adapter, read_record
from engine.contract import ImageRef, Part, Request, Text
from engine.folder import FULL_SCALE, ImageForm, ModelError, newest_version, pixel_values

FILE = "goldens/goldens.json"
SAMPLES = 64
PIXEL_TOLERANCE = 1e-3
"""Of normalised pixel values: well below what one grey level of 256 makes."""


@dataclass(frozen=True, kw_only=True)
class Golden:
    """One question, and what is known of its answer."""

    text: str
    tokens: tuple[int, ...] = ()
    """What the framework's model answers, the token that ends it included."""
    prompt_digest: str = ""
    prompt_tokens: int = 0
    image: tuple[int, int, int] | None = None
    """Seed, rows and columns of a drawn image."""
    frame: str = ""
    """SHA-256 of a frame that a DICOM file gives, where the image is that frame."""
    pixel_samples: tuple[float, ...] = ()
    max_tokens: int = 24
    adapter: str = ""
    """The adapter that it is asked with."""


@dataclass(frozen=True)
class Outcome:
    """What an engine made of all goldens."""

    prompts: int = 0
    identical: int = 0
    """Prompts all of whose tokens are the framework's."""
    tokens: int = 0
    tokens_identical: int = 0
    pixel_difference: float = 0.0
    differences: list[str] = field(default_factory=list)


def draw(seed: int, rows: int, columns: int) -> NDArray[np.uint16]:
    """Return a picture with soft and sharp edges, the same for the same seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.random((9, 9)).astype(np.float32)).resize((columns, rows), Image.Resampling.BICUBIC)
    picture = np.asarray(coarse, np.float32).copy()
    top, left = int(rng.integers(rows // 2)), int(rng.integers(columns // 2))
    picture[top : top + rows // 4, left : left + columns // 4] = rng.random()
    return np.rint(np.clip(picture, 0, 1) * FULL_SCALE).astype(np.uint16)


def read(version: Path) -> list[Golden]:
    """Return the goldens of a version folder. Raises ModelError where there are none."""
    try:
        return goldens_of(json.loads((version / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise ModelError(f"{version.parent.name}: no goldens that can be read: {e!r}") from e


def goldens_of(table: Mapping[str, Any]) -> list[Golden]:
    """Return the goldens of a table that JSON gave. Raises KeyError, TypeError."""
    tuples = [{key: tuple(v) if isinstance(v, list) else v for key, v in one.items()} for one in table["goldens"]]
    return [Golden(**one) for one in tuples]


def write(version: Path, goldens: Sequence[Golden]) -> None:
    """Write the goldens of a version folder."""
    (version / FILE).parent.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(asdict(golden)) for golden in goldens)
    (version / FILE).write_text('{"goldens": [\n' + lines + "\n]}\n", encoding="utf-8")


def request_of(golden: Golden, frame: NDArray[np.uint16] | None) -> Request:
    """Return the golden as the question that a client asks; the image first."""
    images = () if (shown := image_of(golden, frame)) is None else (shown,)
    parts: tuple[Part, ...] = (*(ImageRef(index) for index in range(len(images))), Text(golden.text))
    return Request(parts=parts, images=images, max_tokens=golden.max_tokens, adapter=golden.adapter or None)


def image_of(golden: Golden, frame: NDArray[np.uint16] | None) -> NDArray[np.uint16] | None:
    """Return the golden's image; None for a question without one."""
    return draw(*golden.image) if golden.image else frame if golden.frame else None


def digest_of_frame(frame: NDArray[np.uint16]) -> str:
    """Return the SHA-256 of a frame's pixels, row by row, little-endian."""
    return hashlib.sha256(np.ascontiguousarray(frame, "<u2").tobytes()).hexdigest()


def sample(image: NDArray[np.uint16], form: ImageForm) -> tuple[float, ...]:
    """Return values out of `pixel_values`, evenly spaced over all of them."""
    flat = pixel_values([image], form).ravel()
    at = np.linspace(0, flat.size - 1, SAMPLES).astype(int)
    return tuple(round(float(value), 6) for value in flat[at])


def ask(engine: Any, goldens: Sequence[Golden], frame: NDArray[np.uint16] | None) -> Outcome:
    """Ask every golden and return what differs."""
    prompts = identical = tokens = same = 0
    apart, differences = 0.0, []
    for number, golden in enumerate(goldens, start=1):
        if golden.frame and frame is None:
            continue
        if golden.frame and frame is not None and golden.frame != digest_of_frame(frame):
            differences.append(f"golden {number}: the DICOM file gives another frame than it did")
            continue
        request = request_of(golden, frame)
        chunks = list(engine.generate(request))
        usage, told = chunks[-1].usage, tuple(token for chunk in chunks for token in chunk.tokens)
        if (usage["prompt_digest"], usage["prompt_tokens"]) != (golden.prompt_digest, golden.prompt_tokens):
            differences.append(f"golden {number}: the prompt is another text, or other tokens")
        if request.images and engine.folder.image:
            found = np.subtract(sample(request.images[0], engine.folder.image), golden.pixel_samples)
            apart = max(apart, float(np.abs(found).max()))
        prompts, identical = prompts + 1, identical + (told == golden.tokens)
        tokens, same = tokens + len(golden.tokens), same + alike(told, golden.tokens)
    if identical < prompts:
        differences.append(f"{same} of {tokens} greedy tokens are the framework's, {identical} of {prompts} answers")
    if apart > PIXEL_TOLERANCE:
        differences.append(f"pixel values differ by {apart:.2g} (allowed {PIXEL_TOLERANCE:g})")
    return Outcome(prompts, identical, tokens, same, apart, differences)


def ask_adapter(engine: Any, adapter: Adapter, frame: NDArray[np.uint16] | None) -> Outcome:
    """Ask an adapter the questions of its own record."""
    try:
        asked = goldens_of(read_record(adapter.file))
    except (OSError, ValueError, KeyError, TypeError) as e:
        return Outcome(differences=[f"its record has no goldens that can be read: {e!r}"])
    return ask(engine, asked, frame)


def alike(told: Sequence[int], wanted: Sequence[int]) -> int:
    """Return how many tokens are the same before the first that differs: after it two texts have nothing in common."""
    for at, (one, other) in enumerate(zip(told, wanted, strict=False)):
        if one != other:
            return at
    return min(len(told), len(wanted))


def load_engine(model: Path) -> Any:
    """Return the engine of a model folder, verified or not."""
    from engine import engines

    return engines.load(model, threads=1, unverified=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Ask a model its goldens; prints the outcome, ends with 1 where something differs."""
    parser = argparse.ArgumentParser(description="Ask a model the questions whose answers are known.")
    parser.add_argument("model", type=Path)
    parser.add_argument("--pixels", type=Path, help="the frame of its DICOM golden, uint16 over 0..65535 (.npy)")
    arguments = parser.parse_args(argv)
    frame = None if arguments.pixels is None else np.load(arguments.pixels)
    try:
        engine = load_engine(arguments.model)
        outcome = ask(engine, read(newest_version(arguments.model)), frame)
        adapted = {name: asdict(ask_adapter(engine, one, frame)) for name, one in engine.loaded.items()}
    except ModelError as e:
        print(json.dumps({"error": str(e)}))
        raise SystemExit(1) from e
    print(json.dumps({**asdict(outcome), **engine.identity(), "adapters": adapted}))
    raise SystemExit(int(bool(outcome.differences) or any(one["differences"] for one in adapted.values())))


if __name__ == "__main__":
    main()
