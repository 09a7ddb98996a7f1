"""The card and the rest of a model folder that is the same for all families."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.folder import device_uid, digest_of
from engine.memory import ANSWERS, cache_bytes

MEGABYTE = 1 << 20
ROOM_MB = 512
"""What a runtime takes besides weights and answers."""
HEAD = """\
# Written by `preread models add`. The digest is the SHA-256 of what `sha256sum` prints for the files of the version
# folder in the order of their names, without model.py and verify.json; the Device UID is made from the digest.
"""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What `preread models add` asks for; it comes as JSON."""

    checkpoint: str
    out: str
    """The model folder to make; it does not exist yet."""
    name: str
    version: str = "1"
    precision: str = "fp32"
    licence: str = ""
    source: str = ""
    intended_use: str = "not stated by its maker"
    manufacturer: str = ""
    memory_mb: int = 0
    limits: dict[str, Any] = field(default_factory=dict)
    chat_template: str = ""
    frame: str = ""
    """An .npy file with the frame of a DICOM file, for the golden that goes all the way."""
    image_size: int = 0
    override: str = ""
    """Why, and by whose word, it is to be served although it was not verified."""
    tokens: int = 24
    """Of each answer that is compared."""
    adapter: str = ""
    """The folder of an adapter that is merged into the weights; "" for none."""
    adapters: bool = True
    """Whether the decoder gets room for adapters, where its family can have them."""

    @property
    def template(self) -> Path | None:
        """The chat template that the operator names."""
        return Path(self.chat_template) if self.chat_template else None


def write_card(job: Job, model: Path, *, family: str, inexact: tuple[str, ...], record: Mapping[str, Any]) -> None:
    """Write card.toml of the folder as it is now."""
    version = model / "1"
    digest = digest_of(version)
    size_mb = sum(file.stat().st_size for file in version.iterdir() if file.is_file()) // MEGABYTE
    lines: dict[str, Any] = {
        "name": job.name,
        "version": job.version,
        "digest": f"sha256:{digest}",
        "device_uid": device_uid(digest),
        "manufacturer": job.manufacturer or "not stated",
        "licence": job.licence,
        "source": job.source,
        "intended_use": job.intended_use,
        "family": family,
        "precision": job.precision,
        "inexact": list(inexact),
        "memory_mb": job.memory_mb or 2 * size_mb + ROOM_MB + answers_mb(version),
        **({"unverified_override": job.override} if job.override and record["differences"] else {}),
    }
    figures = {
        "answers the same as the framework's": f"{record['greedy_tokens_identical']} of {record['prompts']}",
        "greedy tokens the same": f"{record['tokens_identical']} of {record['tokens']}",
        **{f"largest difference of {one['name']}": one["max_difference"] for one in record["components"]},
    }
    if record["pixels_max_difference"] is not None:
        figures["largest difference of pixel values from the makers'"] = record["pixels_max_difference"]
    text = HEAD + table(lines) + "\n[limits]\n" + table(job.limits) + "\n[evaluation]\n" + table(figures)
    (model / "card.toml").write_text(text, encoding="utf-8")


def answers_mb(version: Path) -> int:
    """Return what the answers take that are written at once, and the prompts before them."""
    config = json.loads((version / "genai_config.json").read_text(encoding="utf-8"))["model"]
    return cache_bytes(config) * ANSWERS // MEGABYTE


def table(lines: Mapping[str, Any]) -> str:
    """Return lines of TOML; its strings, numbers and lists are written as JSON writes them."""
    return "".join(f"{key if key.isidentifier() else json.dumps(key)} = {json.dumps(v)}\n" for key, v in lines.items())
