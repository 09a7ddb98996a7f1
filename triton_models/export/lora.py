"""An adapter as PEFT publishes it: adapter_config.json and adapter_model.safetensors. Needs no framework.

    base_model.model.[...].layers.N.MODULE.lora_A.weight (rank, in), lora_B.weight (out, rank): W + scale B A

(huggingface.co/docs/peft, "PEFT checkpoint format"). What is not such a pair, or would change more than a decoder's
matrices, is refused by name: an adapter that is applied in part is another adapter.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.checkpoint import LENGTH, check_whole, read_json
from export.trouble import ExportError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
KEY = re.compile(r"(?:base_model\.model\.)?(.*)\.lora_([AB])(?:\.default)?\.weight")
MODULE = re.compile(r"(?:(.*)\.)?layers\.(\d+)\.(.+)")
DECODERS = frozenset({"", "model", "language_model", "language_model.model", "model.language_model"})
"""Where frameworks of several years have a decoder's layers."""
MORE = {
    "use_dora": "DoRA (use_dora)", "modules_to_save": "whole modules of its own (modules_to_save)",
    "lora_bias": "biases (lora_bias)", "trainable_token_indices": "tokens of its own (trainable_token_indices)",
    "target_parameters": "parameters that are no modules (target_parameters)", "layer_replication": "layers twice",
    "fan_in_fan_out": "transposed weights (fan_in_fan_out)", "alora_invocation_tokens": "tokens that switch it on",
}  # fmt: skip
"""What LoRA does not mean here, by the field of adapter_config.json that asks for it."""
BEGUN = frozenset({"pissa", "olora", "corda", "eva", "loftq", "orthogonal"})
"""Ways to begin (init_lora_weights) some of which change the base; the weights that PEFT writes may not fit it."""
SAME_BASE = frozenset({"eva", "orthogonal"})
HIGHEST_RANK = 512
SHOWN = 3

Floats = NDArray[np.float32]
Key = tuple[int, str]
"""Layer, and module within it ("self_attn.q_proj")."""


@dataclass(frozen=True)
class Pair:
    """One module's matrices, and what their product is multiplied with."""

    down: Floats
    """(rank, in)"""
    up: Floats
    """(out, rank)"""
    scale: float


@dataclass(frozen=True)
class Lora:
    """An adapter that was read: what it is said to be of, and its pairs."""

    base: str
    """base_model_name_or_path, as its maker wrote it."""
    rank: int
    pairs: Mapping[Key, Pair]
    partial: bool
    """Whether it is meant to be of some layers alone (layers_to_transform)."""
    config: Mapping[str, Any]
    names: Mapping[Key, str]
    """The module's whole name, as the weights have it."""

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules of a layer that it adapts."""
        return tuple(dict.fromkeys(module for _, module in self.pairs))


def read_lora(folder: Path) -> Lora:
    """Return the adapter in `folder`. Raises ExportError naming what is missing, unknown or no number."""
    if not (folder / CONFIG).is_file():
        raise ExportError(f"{folder} has no {CONFIG}: name the folder of an adapter as PEFT saves it")
    config = read_json(folder / CONFIG)
    _check_kind(folder, config)
    if not (folder / WEIGHTS).is_file():
        raise ExportError(
            f"{folder} lacks {WEIGHTS}: weights are read from safetensors alone, as other formats run code; "
            "save it again with safe_serialization=True"
        )
    check_whole(folder / WEIGHTS)
    halves: dict[Key, dict[str, Floats]] = {}
    names: dict[Key, str] = {}
    for name, values in _tensors(folder / WEIGHTS):
        key, half, module = _place(name)
        if not np.isfinite(values).all():
            raise ExportError(f"{name} of {folder} has values that are not numbers (NaN): train or copy it again")
        halves.setdefault(key, {})[half] = values
        names[key] = module
    if not halves:
        raise ExportError(f"{folder / WEIGHTS} is empty: it adapts nothing")
    pairs = {key: _pair(names[key], found, config) for key, found in halves.items()}
    _check_targets(config, names.values())
    partial = config.get("layers_to_transform") is not None
    return Lora(str(config.get("base_model_name_or_path") or ""), int(config["r"]), pairs, partial, config, names)


def _check_kind(folder: Path, config: Mapping[str, Any]) -> None:
    if config.get("peft_type") != "LORA":
        raise ExportError(f"{folder} is an adapter of the kind {config.get('peft_type')!r}: only LORA is known here")
    rank = config.get("r")
    if not isinstance(rank, int) or not 0 < rank <= HIGHEST_RANK:
        raise ExportError(f"{folder / CONFIG} names rank r = {rank!r}: a whole number of 1 to {HIGHEST_RANK} is needed")
    if not isinstance(config.get("lora_alpha"), int | float):
        raise ExportError(f"{folder / CONFIG} names no lora_alpha: without it nobody knows how strong it is")
    asked = [words for field, words in MORE.items() if config.get(field)]
    asked += ["biases (bias)"] if config.get("bias", "none") != "none" else []
    begun = str(config.get("init_lora_weights", "")).split("_")[0].lower()
    asked += [f"another base (init_lora_weights {begun})"] if begun in BEGUN - SAME_BASE else []
    if asked:
        raise ExportError(f"{folder} has {', '.join(asked)}, not plain LoRA: merge it into its checkpoint and add that")


def _place(name: str) -> tuple[Key, str, str]:
    """Return layer and module, half (A or B), and the module's whole name. Raises ExportError."""
    at = KEY.fullmatch(name)
    inside = MODULE.fullmatch(at[1]) if at else None
    if at is None or inside is None:
        raise ExportError(
            f"the weights have {name}, which is no lora_A or lora_B of a layer: adapters of other parts "
            "(embeddings, head) are not applied; train it on the layers' matrices alone"
        )
    if (inside[1] or "") not in DECODERS:
        raise ExportError(
            f"{name} adapts {inside[1]}, which is not the decoder: images are read by the base's tower; "
            "train it with the decoder's modules as targets"
        )
    return (int(inside[2]), inside[3]), at[2], at[1]


def _pair(name: str, halves: Mapping[str, Floats], config: Mapping[str, Any]) -> Pair:
    if set(halves) != {"A", "B"}:
        raise ExportError(f"{name} has lora_{next(iter(halves))} alone: the file is incomplete; copy it again")
    down, up = halves["A"], halves["B"]
    rank = _pattern(config.get("rank_pattern"), name, config["r"])
    if down.ndim != 2 or up.ndim != 2 or not down.shape[0] == up.shape[1] == rank:
        raise ExportError(
            f"{name} has matrices {list(down.shape)} and {list(up.shape)}, and {CONFIG} says rank {rank}: "
            "weights and configuration are of two adapters; copy both again"
        )
    alpha = _pattern(config.get("alpha_pattern"), name, config["lora_alpha"])
    return Pair(down, up, float(alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)))


def _pattern(patterns: Mapping[str, Any] | None, name: str, otherwise: Any) -> Any:
    """PEFT's rule: the first pattern that matches the end of a module's name."""
    return next((v for p, v in (patterns or {}).items() if re.match(rf"(.*\.)?({p})$", name)), otherwise)


def _check_targets(config: Mapping[str, Any], names: Any) -> None:
    """Every module that the configuration lists must have weights."""
    there, targets = list(names), config.get("target_modules")
    if not isinstance(targets, list):
        return
    if lacking := [one for one in targets if not any(name == one or name.endswith(f".{one}") for name in there)]:
        raise ExportError(
            f"{CONFIG} names target modules without weights ({', '.join(sorted(lacking)[:SHOWN])}): "
            "the file is incomplete; copy it again"
        )


def _tensors(file: Path) -> Iterator[tuple[str, Floats]]:
    """Yield each tensor in fp32 (github.com/huggingface/safetensors, "Format")."""
    data = file.read_bytes()
    length = LENGTH.unpack(data[: LENGTH.size])[0]
    begins = LENGTH.size + length
    for name, told in json.loads(data[LENGTH.size : begins]).items():
        if name != "__metadata__":
            first, last = told["data_offsets"]
            yield name, floats(data[begins + first : begins + last], told["dtype"], told["shape"], name)


def floats(raw: bytes, dtype: str, shape: list[int], name: str) -> Floats:
    """Return a tensor of F32, F16 or BF16 in fp32. Raises ExportError for others, and for bytes that do not fit."""
    kinds: Mapping[str, Any] = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}
    if dtype not in kinds:
        raise ExportError(f"{name} is {dtype}: F32, F16 and BF16 are read")
    values = np.frombuffer(raw, kinds[dtype])
    if values.size != math.prod(shape):
        raise ExportError(f"{name} has {values.size} numbers, and its shape {shape} has {math.prod(shape)}")
    if dtype == "BF16":
        values = (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32).reshape(shape)
