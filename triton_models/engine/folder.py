"""What a model folder says about itself: card, digest, preprocessing and prompt.

A folder `<name>/` holds `card.toml` and one numbered version `<name>/<n>/` with the ONNX graphs, the
tokenizer, `genai_config.json`, `chat_template.jinja` and `preread.json` (preprocessing, prompt, domain).
Everything that turns a request into tensors is read from there, never from the engine. Needs NumPy and
Pillow alone.
"""

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NOT_DIGESTED = frozenset({"model.py", "verify.json"})
"""The glue and the record of the verification stand beside the model; they are not the model."""

FILTERS = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
LONG_ROPE = ("phi3", "phimoe", "phi4")
"""Types of genai_config.json whose decoders may choose their positions by the longest context."""
FITS = ("letterbox", "stretch", "cover")
FULL_SCALE = 65535.0
DIGEST_BLOCK = 1 << 20


class ModelError(RuntimeError):
    """A model folder that cannot be served; the text says why."""


@dataclass(frozen=True)
class ImageForm:
    """How an image becomes `pixel_values`: fit into rows x columns, pad, scale to 0..1, (x - mean) / std.

    What a model sees of an image in its prompt is `text`: `tokens_per_image` placeholders and, for some, marks around.
    """

    rows: int
    columns: int
    mean: float | tuple[float, ...]
    """One number, or one per channel: the grey image is given to as many channels."""
    std: float | tuple[float, ...]
    padding: float
    """Grey value 0..1 beside an image of another aspect ratio."""
    filter: str
    token: str
    """The placeholder that stands in the prompt for one image feature."""
    tokens_per_image: int
    max_images: int
    fit: str = "letterbox"
    """letterbox: whole, centred, padded; stretch: whole, without its aspect ratio; cover: the middle, no border."""
    depth: int = 0
    """Bits that a pixel is rounded to before it is resized, as the makers' processors do (8); 0 for none."""
    grid: tuple[int, int] | None = None
    """Rows and columns of placeholders, where `row_end` stands after each row but the last."""
    before: str = ""
    row_end: str = ""
    after: str = ""
    mark: str = ""
    """What the chat template itself writes for an image, `text` then stands there; empty: the engine writes `text`."""

    def __post_init__(self) -> None:
        """Refuse what cannot be done, at load and not at the first image."""
        if self.fit not in FITS or self.filter not in FILTERS or self.depth not in (0, 8):
            raise ValueError(f"image form {self.fit}, {self.filter}, {self.depth} bits is not known here")
        if self.grid and self.grid[0] * self.grid[1] != self.tokens_per_image:
            raise ValueError(f"a grid of {self.grid} has not {self.tokens_per_image} tokens")

    @property
    def text(self) -> str:
        """What stands in the prompt for one image."""
        down, across = self.grid or (1, self.tokens_per_image)
        return self.before + self.row_end.join([self.token * across] * down) + self.after


@dataclass(frozen=True)
class DecoderForm:
    """What the plain engine must know of a decoder and its graph does not say."""

    image_attention: str = "causal"
    """Or `bidirectional`: the tokens of one image see one another."""
    sliding_window: int = 0
    """How many tokens a layer with `sliding_attention_mask` reaches back, itself included."""

    def __post_init__(self) -> None:
        """Refuse what is not known, at load."""
        if self.image_attention not in ("causal", "bidirectional"):
            raise ValueError(f"image_attention is causal or bidirectional, not {self.image_attention!r}")


@dataclass(frozen=True)
class Domain:
    """Which graph says whether an image is one the model was made for, and from which score on it is."""

    file: str
    threshold: float


@dataclass(frozen=True)
class ModelFolder:
    """A model as it lies on disk, with its identity."""

    path: Path
    """The version folder, with the ONNX files."""
    name: str
    version: str
    digest: str
    image: ImageForm | None
    """None for a model of text only."""
    domain: Domain | None
    context_tokens: int
    default_max_tokens: int
    memory_mb: int = 0
    """What the card allows the model to take; 0 for no budget."""
    engine: str = ""
    """Which engine serves it; empty: which one does it best (`engines.py`)."""
    decoder: DecoderForm = DecoderForm()


def digest_of(path: Path) -> str:
    """Return the SHA-256 of `path`'s files as 64 hexadecimal digits.

    It is the SHA-256 of what `sha256sum` prints for the files in the order of their names (bytes), that is
    of one line "<hex>  <name>\\n" each; `NOT_DIGESTED` and sub-folders are left out.
    """
    lines = hashlib.sha256()
    for file in sorted(path.iterdir(), key=lambda file: file.name.encode()):
        if file.is_file() and file.name not in NOT_DIGESTED:
            lines.update(f"{_sha256(file)}  {file.name}\n".encode())
    return lines.hexdigest()


def device_uid(digest: str) -> str:
    """Return the Device UID (DCM 121012) of a model: 2.25 and the UUID (version 5, OID name space) of its digest."""
    return f"2.25.{uuid5(NAMESPACE_OID, 'sha256:' + digest).int}"


def read_folder(model: Path, *, unverified: bool = False) -> ModelFolder:
    """Return the model in `model` (the named folder, not the version); raises ModelError.

    The files must have the digest their card names: a folder that was changed is not served under a name
    that was measured with other files. Nor is one that was never compared with the framework's model, or differed from
    it, unless its card says who wants it served all the same; `unverified` is for whoever verifies it.
    """
    try:
        card = tomllib.loads((model / "card.toml").read_text(encoding="utf-8"))
        path = newest_version(model)
        form = json.loads((path / "preread.json").read_text(encoding="utf-8"))
        config = json.loads((path / "genai_config.json").read_text(encoding="utf-8"))
        domain = Domain(**form["domain"]) if form.get("domain") else None
        found = digest_of(path)
        if found != card["digest"].removeprefix("sha256:"):
            raise ModelError(f"{model.name}: the files have digest {found}, the card says {card['digest']}")
        reason = "" if unverified or card.get("unverified_override") else not_verified(path, found)
        if reason:
            raise ModelError(f"{model.name}: {reason}: `preread models verify {model.name}` looks again")
        return ModelFolder(
            path=path,
            name=card["name"],
            version=card["version"],
            digest=card["digest"],
            image=image_form(form["image"]) if form["image"] else None,
            domain=domain,
            context_tokens=config["model"]["context_length"],
            default_max_tokens=form["default_max_tokens"],
            memory_mb=int(card.get("memory_mb", 0)),
            engine=form.get("engine", ""),
            decoder=DecoderForm(**form.get("decoder", {})),
        )
    except (OSError, KeyError, TypeError, ValueError) as e:
        raise ModelError(f"{model.name}: not a readable model folder: {e!r}") from e


def not_verified(path: Path, digest: str) -> str:
    """Return why the version folder `path` is not known to answer as the framework's model does; "" where it is."""
    try:
        record = json.loads((path / "verify.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return "it was never verified (no verify.json)"
    if record.get("digest", digest).removeprefix("sha256:") != digest:
        return "it was verified with other files"
    if record["greedy_tokens_identical"] < record["prompts"]:
        return f"{record['greedy_tokens_identical']} of {record['prompts']} answers are those of the framework's model"
    return "; ".join(record.get("differences", []))


def image_form(table: dict[str, Any]) -> ImageForm:
    """Return the form that preread.json writes down; lists become tuples."""
    return ImageForm(**{key: tuple(value) if isinstance(value, list) else value for key, value in table.items()})


def newest_version(model: Path) -> Path:
    """Return the sub-folder of `model` with the highest number; raises ModelError."""
    versions = [path for path in model.iterdir() if path.name.isdecimal() and path.is_dir()]
    if not versions:
        raise ModelError(f"{model.name}: no numbered version folder")
    return max(versions, key=lambda path: int(path.name))


def digest_of_file(file: Path) -> str:
    """Return the SHA-256 of one file, as `digest_of` returns that of a model."""
    return _sha256(file)


def pixel_values(images: list[NDArray[np.uint16]], form: ImageForm) -> NDArray[np.float32]:
    """Return `images` (each rows, columns over 0..65535) as (n, channels, form.rows, form.columns), normalised."""
    mean, std = (np.reshape(np.asarray(value, np.float32), (-1, 1, 1)) for value in (form.mean, form.std))
    return np.stack([((fitted(image, form) - mean) / std).astype(np.float32) for image in images])


def fitted(image: NDArray[Any], form: ImageForm) -> NDArray[np.float32]:
    """Return `image` over 0..1 in (form.rows, form.columns), as the form fits it."""
    if form.fit == "stretch":
        return resized(image, (form.rows, form.columns), form)
    return cover(image, form) if form.fit == "cover" else letterbox(image, form)


def letterbox(image: NDArray[Any], form: ImageForm) -> NDArray[np.float32]:
    """Return `image` over 0..1, fitted into (form.rows, form.columns) with its aspect ratio, centred."""
    rows, columns = image.shape
    scale = min(form.rows / rows, form.columns / columns)
    size = max(1, round(rows * scale)), max(1, round(columns * scale))
    out = np.full((form.rows, form.columns), form.padding, np.float32)
    top, left = (form.rows - size[0]) // 2, (form.columns - size[1]) // 2
    out[top : top + size[0], left : left + size[1]] = resized(image, size, form)
    return out


def cover(image: NDArray[Any], form: ImageForm) -> NDArray[np.float32]:
    """Return the middle of `image` over 0..1, its shorter side fitted (transformers: shortest_edge, center_crop)."""
    rows, columns = image.shape
    scale = max(form.rows / rows, form.columns / columns)
    size = max(form.rows, int(rows * scale)), max(form.columns, int(columns * scale))
    top, left = (size[0] - form.rows) // 2, (size[1] - form.columns) // 2
    return resized(image, size, form)[top : top + form.rows, left : left + form.columns]


def resized(image: NDArray[Any], size: tuple[int, int], form: ImageForm) -> NDArray[np.float32]:
    """Return `image` (0..65535) over 0..1 in `size` (rows, columns); in whole grey levels where the form says so."""
    shape = (size[1], size[0])
    if form.depth:
        levels = (1 << form.depth) - 1
        grey = Image.fromarray(np.rint(image * (levels / FULL_SCALE)).astype(np.uint8))
        return np.asarray(grey.resize(shape, FILTERS[form.filter]), np.float32) / levels
    return np.asarray(
        Image.fromarray(image.astype(np.float32) / FULL_SCALE).resize(shape, FILTERS[form.filter]), np.float32
    )


def _sha256(file: Path) -> str:
    total = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(DIGEST_BLOCK):
            total.update(block)
    return total.hexdigest()
