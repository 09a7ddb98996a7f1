"""Tiny random adapters as PEFT publishes them, for the tiny checkpoints: adapter_config.json and its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.tiny_checkpoint import write_safetensors

Shape = tuple[int, int]
"""(in, out)"""


@dataclass(frozen=True)
class Target:
    """What an adapter of a family adapts: where its layers are, and the modules of each."""

    prefix: str
    layers: int
    modules: Mapping[str, Shape]
    base: str


_NARROW = {
    "self_attn.q_proj": (64, 64), "self_attn.k_proj": (64, 32), "self_attn.v_proj": (64, 32),
    "self_attn.o_proj": (64, 64),
}  # fmt: skip
_GATED = {"mlp.gate_proj": (64, 128), "mlp.up_proj": (64, 128), "mlp.down_proj": (128, 64)}
TARGETS: Mapping[str, Target] = {
    "phi": Target("model", 2, {
        **{f"self_attn.{name}": (64, 64) for name in ("q_proj", "k_proj", "v_proj", "dense")},
        "mlp.fc1": (64, 128), "mlp.fc2": (128, 64),
    }, "microsoft/phi-2"),
    "phi3": Target("model", 2, {
        "self_attn.qkv_proj": (64, 128), "self_attn.o_proj": (64, 64), "mlp.gate_up_proj": (64, 256),
        "mlp.down_proj": (128, 64),
    }, "microsoft/Phi-3-mini-4k-instruct"),
    "llava": Target("language_model.model", 2, {**_NARROW, **_GATED}, "llava-hf/llava-1.5-7b-hf"),
    # As PEFT named them beside transformers 4.50; 5 has model.language_model.layers for both.
    "gemma3": Target("language_model.model", 3, {
        "self_attn.q_proj": (64, 128), "self_attn.k_proj": (64, 64), "self_attn.v_proj": (64, 64),
        "self_attn.o_proj": (128, 64), **_GATED,
    }, "google/medgemma-4b-it"),
    "qwen2_5_vl": Target("model", 3, {
        "self_attn.q_proj": (128, 128), "self_attn.k_proj": (128, 64), "self_attn.v_proj": (128, 64),
        "self_attn.o_proj": (128, 128), "mlp.gate_proj": (128, 128), "mlp.up_proj": (128, 128),
        "mlp.down_proj": (128, 128),
    }, "Qwen/Qwen2.5-VL-7B-Instruct"),
}  # fmt: skip


def write(
    folder: Path, layout: str, *, seed: int = 3, rank: int = 4, modules: Sequence[str] | None = None,
    prefix: str | None = None, strength: float = 1.0, weights: Mapping[str, NDArray[Any]] | None = None,
    **config: Any,
) -> Path:  # fmt: skip
    """Write an adapter of `layout`'s checkpoint; of some `modules` alone, and with other names or weights, if asked."""
    target = TARGETS[layout]
    folder.mkdir(parents=True, exist_ok=True)
    chosen = list(modules or target.modules)
    told = {
        "alpha_pattern": {}, "auto_mapping": None, "base_model_name_or_path": target.base, "bias": "none",
        "fan_in_fan_out": False, "inference_mode": True, "init_lora_weights": True, "layer_replication": None,
        "layers_pattern": None, "layers_to_transform": None, "loftq_config": {}, "lora_alpha": 2 * rank,
        "lora_bias": False, "lora_dropout": 0.05, "megatron_config": None, "modules_to_save": None,
        "peft_type": "LORA", "r": rank, "rank_pattern": {}, "revision": None,
        "target_modules": sorted({name.split(".")[-1] for name in chosen}), "task_type": "CAUSAL_LM",
        "use_dora": False, "use_rslora": False, **config,
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(told, indent=2), encoding="utf-8")
    rng = np.random.default_rng(seed)
    found: dict[str, NDArray[np.float32]] = {}
    for layer in range(target.layers):
        for name in chosen:
            width, out = target.modules[name]
            r = next((v for k, v in told["rank_pattern"].items() if name.endswith(k)), rank)
            at = f"base_model.model.{target.prefix if prefix is None else prefix}.layers.{layer}.{name}"
            found[f"{at}.lora_A.weight"] = _drawn(rng, (r, width), width**-0.5)
            found[f"{at}.lora_B.weight"] = _drawn(rng, (out, r), strength * r**-0.5)
    write_safetensors(folder / "adapter_model.safetensors", {**found, **(weights or {})})
    return folder


def _drawn(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> NDArray[np.float32]:
    return (rng.standard_normal(shape) * scale).astype(np.float32)
