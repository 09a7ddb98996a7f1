"""A checkpoint as it lies on disk: config.json as published, whole weights, a tokenizer. Needs no framework."""

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.trouble import ExportError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "tekken.json")
LENGTH = struct.Struct("<Q")
"""A safetensors file begins with the length of its header (github.com/huggingface/safetensors, "Format")."""
MAX_HEADER = 100_000_000


@dataclass(frozen=True)
class Checkpoint:
    """A folder in the layout of the Hugging Face hub."""

    path: Path
    config: dict[str, Any]
    image_size: int = 0
    """Side of the square that images are shown in, where the operator chose one; 0 for the makers'."""

    @property
    def architecture(self) -> str:
        """The class that config.json names; "" where it names none."""
        named = self.config.get("architectures")
        return str(named[0]) if isinstance(named, list) and named else ""

    def file(self, name: str) -> dict[str, Any]:
        """Return a JSON file of the checkpoint; empty where it has none."""
        path = self.path / name
        return read_json(path) if path.is_file() else {}


def open_checkpoint(path: Path) -> Checkpoint:
    """Return the checkpoint in `path`, its weights whole. Raises ExportError naming the file that is not."""
    if not (path / "config.json").is_file():
        raise ExportError(f"{path} has no config.json: name the folder of a checkpoint as the hub lays it out")
    found = Checkpoint(path, read_json(path / "config.json"))
    if not found.architecture:
        raise ExportError(f"{path / 'config.json'} names no architecture: it is not a checkpoint of a whole model")
    for file in weights(path):
        check_whole(file)
    if not any((path / name).is_file() for name in TOKENIZERS):
        raise ExportError(f"{path} has no tokenizer ({', '.join(TOKENIZERS)}): take it from the model's page, too")
    return found


def weights(path: Path) -> list[Path]:
    """Return the files of the weights. Raises ExportError where one is missing."""
    if (path / INDEX).is_file():
        names = sorted(set(read_json(path / INDEX).get("weight_map", {}).values()))
        files = [path / name for name in names]
    else:
        files = [path / WEIGHTS]
    if missing := [file.name for file in files if not file.is_file()]:
        remedy = "weights are read from safetensors alone, as other formats run code; convert them, or copy what lacks"
        raise ExportError(f"{path} lacks {', '.join(missing)}: {remedy}")
    return files


def check_whole(file: Path) -> None:
    """Raise ExportError for a safetensors file that is shorter or longer than its header says."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        first = stream.read(LENGTH.size)
        length = LENGTH.unpack(first)[0] if len(first) == LENGTH.size else MAX_HEADER + 1
        try:
            header = json.loads(stream.read(length)) if length <= MAX_HEADER else None
            ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        except (ValueError, AttributeError, KeyError, TypeError, IndexError):
            raise ExportError(f"{file} is no safetensors file, or only its beginning: copy it again") from None
    if (wanted := LENGTH.size + length + max(ends, default=0)) != size:
        raise ExportError(
            f"{file} has {size} bytes and should have {wanted}: it is cut short or damaged; copy it again"
        )


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in `path`. Raises ExportError for what is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise ExportError(f"{path} is no JSON object")
    return found
