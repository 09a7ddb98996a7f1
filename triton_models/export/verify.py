"""Is the folder the model? Each graph against the framework's module, then whole answers against its own.

The record (verify.json) names what differs in sentences; the engine serves a folder whose record is empty of them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from engine import goldens
from engine.folder import ImageForm, pixel_values
from engine.goldens import Golden
from numpy.typing import NDArray
from PIL import Image

from export.checkpoint import Checkpoint
from export.family import Family, Parts, optional
from export.graphs import Embedding
from export.words import prompt_of

Frame = NDArray[np.uint16]
TOLERANCE = 1e-3
"""Between a graph's output and its module's, as a part of the output's largest number where that is above one."""
PIXELS_TOLERANCE = 1e-4
"""Between our pixel values and the makers' processor's: rounding of floats, and less than a hundredth grey level."""
PACKAGES = ("torch", "transformers", "onnxruntime", "onnxruntime-genai", "onnx")
QUESTIONS = (
    "Write the report.", "List the findings as JSON.", "Is there a pleural effusion?", "Is the heart enlarged?",
    "Write the impression.\nReport: The heart is enlarged. There is a small right pleural effusion.",
    "Which side is the effusion on?", "Compare with the prior.\nPrior: No pneumothorax.", "Is there a nodule? 1 2 3",
)  # fmt: skip


@dataclass(frozen=True)
class Component:
    """How far one graph is from the module that it was made of."""

    name: str
    difference: float
    scale: float

    @property
    def allowed(self) -> float:
        return TOLERANCE * max(1.0, self.scale)

    def told(self) -> dict[str, Any]:
        """Return it as verify.json has it."""
        return {"name": self.name, "max_difference": self.difference, "largest": self.scale, "allowed": self.allowed}


def compare(name: str, theirs: Any, ours: Any) -> Component:
    """Return the largest difference of two arrays of one shape; infinite where the shapes differ."""
    wanted, found = np.asarray(theirs, np.float32), np.asarray(ours, np.float32)
    apart = float(np.abs(wanted - found).max()) if wanted.shape == found.shape else float("inf")
    return Component(name, apart, float(np.abs(wanted).max()))


@torch.no_grad()
def components(family: Family, parts: Parts, out: Path) -> Iterator[Component]:
    """Yield the comparison of each graph on seeded inputs."""
    torch.manual_seed(11)
    config = parts.decoder.config
    ids = torch.randint(3, config.vocab_size, (1, 12))
    if parts.vision is not None and parts.image_token is not None:
        pixels = torch.randn(3, *parts.pixel_shape)
        (found,) = _session(out, "vision").run(None, {"pixel_values": pixels.numpy()})
        yield compare("vision.onnx", parts.vision(pixels), found)
        yield from _embeddings(parts, out, ids, config.hidden_size)
    yield decoder_component(family, parts, out, ids)


@torch.no_grad()
def decoder_component(
    family: Family, parts: Parts, out: Path, ids: torch.Tensor, adapter: Mapping[str, NDArray[Any]] | None = None
) -> Component:
    """Return the comparison of the decoder's logits of `ids` (1, length), both with an adapter or without."""
    embedded = parts.decoder.get_input_embeddings()(ids)
    given = ids if parts.vision is None else embedded
    found = (optional(family, "run_decoder") or run_decoder)(out, given.numpy(), adapter or {})
    return compare("model.onnx", parts.decoder(inputs_embeds=embedded).logits, found)


def _embeddings(parts: Parts, out: Path, ids: torch.Tensor, width: int) -> Iterator[Component]:
    module, session = (
        Embedding(parts.decoder.get_input_embeddings(), parts.image_token or 0),
        _session(out, "embedding"),
    )
    shown = ids.clone()
    shown[0, 2:7] = parts.image_token
    for name, asked, rows in (
        ("with an image", shown, torch.randn(5, width)),
        ("text only", ids, torch.zeros(0, width)),
    ):
        (found,) = session.run(None, {"input_ids": asked.numpy(), "image_features": rows.numpy()})
        yield compare(f"embedding.onnx, {name}", module(asked, rows), found)


def run_decoder(
    out: Path, given: NDArray[Any], adapter: Mapping[str, NDArray[Any]] = MappingProxyType({})
) -> NDArray[Any]:
    """Return the builder's decoder's logits of a prompt, its cache empty."""
    session, length = _session(out, "model"), given.shape[1]
    sizes = json.loads((out / "genai_config.json").read_text(encoding="utf-8"))["model"]["decoder"]
    empty = np.zeros((1, sizes["num_key_value_heads"], 0, sizes["head_size"]), np.float32)
    feeds: dict[str, NDArray[Any]] = {"attention_mask": np.ones((1, length), np.int64), **adapter}
    for wanted in session.get_inputs():
        if wanted.name in ("input_ids", "inputs_embeds"):
            feeds[wanted.name] = given
        elif wanted.name == "position_ids":
            feeds[wanted.name] = np.arange(length)[None]
        elif wanted.name.startswith("past_key_values"):
            feeds[wanted.name] = empty
    (logits,) = session.run(["logits"], feeds)
    return np.asarray(logits)


def _session(out: Path, name: str) -> Any:
    return ort.InferenceSession(out / f"{name}.onnx", providers=["CPUExecutionProvider"])


def preprocessing(checkpoint: Checkpoint, family: Family, form: ImageForm) -> float:
    """Return the largest difference between our pixel values and those of the makers' processor."""
    apart = 0.0
    for seed, image in enumerate(_pictures(form)):
        ours = pixel_values([image], form)[0]
        eight = Image.fromarray(np.rint(image / 257).astype(np.uint8)).convert("RGB")
        apart = max(apart, compare(str(seed), family.pixels(checkpoint, eight), ours).difference)
    return apart


def _pictures(form: ImageForm) -> Iterator[NDArray[np.uint16]]:
    """Pictures larger than the form. A form that pads gets its own aspect ratio: makers who pad, pad otherwise."""
    for seed, times in enumerate((1.3, 2.7)):
        rows, columns = round(form.rows * times), round(form.columns * times)
        yield goldens.draw(seed, rows, columns if form.fit == "letterbox" else round(columns * 1.2))


def answered(
    checkpoint: Checkpoint, parts: Parts, template: str, form: ImageForm | None, frame: Frame | None, count: int
) -> list[Golden]:
    """Return the goldens, answered by the framework's model to prompts that its own tokenizer writes by `template`."""
    return [_answered(checkpoint, parts, template, form, frame, golden, count) for golden in _asked(form, frame)]


def _asked(form: ImageForm | None, frame: Frame | None) -> Iterator[Golden]:
    for number, text in enumerate(QUESTIONS):
        if form is None or number % 4 == 3:
            yield Golden(text=text)
        elif number == 0 and frame is not None:
            yield Golden(text=text, frame=goldens.digest_of_frame(frame))
        else:
            yield Golden(text=text, image=(number, form.rows + 40 * number, form.columns + 17))


def _answered(
    checkpoint: Checkpoint, parts: Parts, template: str, form: ImageForm | None, frame: Frame | None, golden: Golden,
    count: int,
) -> Golden:  # fmt: skip
    shown = goldens.image_of(golden, frame)
    digest, ids = prompt_of(checkpoint, template, golden.text, form, images=int(shown is not None))
    pixels = torch.from_numpy(pixel_values([shown], form)) if form and shown is not None else None
    return Golden(
        text=golden.text,
        tokens=tuple(parts.generate(torch.tensor([ids]), pixels, count)),
        prompt_digest=digest,
        prompt_tokens=len(ids),
        image=golden.image,
        frame=golden.frame,
        pixel_samples=goldens.sample(shown, form) if form and shown is not None else (),
        max_tokens=count,
    )


def record(found: list[Component], outcome: goldens.Outcome, apart: float | None, digest: str) -> dict[str, Any]:
    """Return verify.json."""
    differences = [
        f"{one.name} differs from the framework's by {one.difference:.2g} (allowed {one.allowed:.2g})"
        for one in found
        if not one.difference <= one.allowed
    ]
    if apart is not None and apart > PIXELS_TOLERANCE:
        differences.append(f"pixel values differ from the makers' by {apart:.2g} (allowed {PIXELS_TOLERANCE:g})")
    return {
        "digest": f"sha256:{digest}",
        "components": [one.told() for one in found],
        "prompts": outcome.prompts,
        "greedy_tokens_identical": outcome.identical,
        "tokens": outcome.tokens,
        "tokens_identical": outcome.tokens_identical,
        "pixels_max_difference": apart,
        "graph_differences": differences,
        "differences": differences + outcome.differences,
        "versions": {name: version(name) for name in PACKAGES},
    }
