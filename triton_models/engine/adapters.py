"""The adapters of a model: files in the version's folder `adapters`, each with a record of what it was compared with.

    NAME.onnx_adapter   its weights, by the inputs of the decoder that they are bound to
    NAME.json           digest, the model's digest, licence, source, what was compared, questions with their answers

An adapter is served if its record says that model and adapter together answer as the framework's do, and that both are
still the same files; or if it says who wants it served all the same.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.folder import ModelError, ModelFolder, digest_of_file

FOLDER = "adapters"
MOST = 64
"""Adapters of one model that are loaded."""


@dataclass(frozen=True)
class Adapter:
    """One adapter as it lies on disk."""

    name: str
    file: Path
    digest: str
    """SHA-256 of its file, with "sha256:"."""
    wrong: str
    """Why it is not served; "" if it is."""


def adapters(model: ModelFolder, *, unverified: bool = False) -> dict[str, Adapter]:
    """Return the adapters of `model` by name; with `unverified` none is wrong. Raises ModelError for too many."""
    files = sorted((model.path / FOLDER).glob("*.onnx_adapter"))
    if len(files) > MOST:
        raise ModelError(f"has {len(files)} adapters and loads at most {MOST}: take some away")
    found = [(file, f"sha256:{digest_of_file(file)}") for file in files]
    return {
        file.stem: Adapter(file.stem, file, digest, "" if unverified else why_not(file, digest, model.digest))
        for file, digest in found
    }


def why_not(file: Path, digest: str, model_digest: str) -> str:
    """Return why the adapter in `file` is not known to answer as the framework's; "" where it is, or is overridden."""
    try:
        record = read_record(file)
        if record["digest"] != digest:
            return "its file is not the one that was verified"
        if record["model_digest"] != model_digest:
            return "it was verified with another model"
        if record.get("unverified_override"):
            return ""
        if record["greedy_tokens_identical"] < record["prompts"] or not record["prompts"]:
            return f"{record['greedy_tokens_identical']} of {record['prompts']} answers are those of the framework"
        return "; ".join(record["differences"])
    except FileNotFoundError:
        return f"it was never verified (no {file.stem}.json)"
    except (OSError, ValueError, KeyError, TypeError) as e:
        return f"its record {file.stem}.json cannot be read: {e!r}"


def read_record(file: Path) -> dict[str, Any]:
    """Return what stands beside an adapter's file. Raises OSError and ValueError."""
    record = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    if not isinstance(record, dict):
        raise ValueError("no JSON object")
    return record
