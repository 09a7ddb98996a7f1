"""The decoder graph of the plain engine: told who may see whom and where each token stands (engine/decoder.py).

inputs_embeds (1, new, width), attention_mask bool (1, 1, new, total), sliding_attention_mask likewise where layers
slide, position_ids (1, new) or (3, 1, new), past_key_values.N.key, .value (1, heads, past, size)
-> logits (1, 1, vocabulary) of the last token, present.N.key, .value (1, heads, total, size)
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import torch
from engine.decoder import Cache, Decoder
from engine.sessions import open_session
from numpy.typing import NDArray
from torch import Tensor, nn

from export.checkpoint import Checkpoint
from export.trouble import ExportError

FILE, DATA = "model.onnx", "model.onnx.data"
OPSET = 18
MOST_CONTEXT = 4096
"""Tokens of prompt and answer; a longer context would cost memory that a report has no use for."""
MASKS = {"full_attention": "attention_mask", "sliding_attention": "sliding_attention_mask"}
"""The graph's inputs by transformers' kinds of layers."""


class Kept:
    """A cache as transformers' layers use one: what was before stands before what is new."""

    def __init__(self, past: Sequence[Tensor]) -> None:
        """`past` are keys and values by turns, layer after layer."""
        self.parts = list(past)

    def update(self, keys: Tensor, values: Tensor, layer: int, *_: object, **__: object) -> tuple[Tensor, Tensor]:
        """Return all keys and values (1, heads, total, size) of a layer."""
        here = slice(2 * layer, 2 * layer + 2)
        joined = [torch.cat([old, new], dim=2) for old, new in zip(self.parts[here], (keys, values), strict=True)]
        self.parts[here] = joined
        return joined[0], joined[1]


class ToldDecoder(nn.Module):
    """A language model of transformers with masks, positions and cache from outside."""

    def __init__(self, text: nn.Module, head: nn.Module, kinds: Sequence[str]) -> None:
        """`kinds` are the kinds of layers that `text` has, in the order of the graph's masks."""
        super().__init__()
        self.text, self.head, self.kinds = text, head, kinds

    def forward(self, inputs_embeds: Tensor, *told: Tensor) -> tuple[Tensor, ...]:
        """Return the last token's logits and the cache; `told` are the masks, the positions, the past."""
        masks, position_ids, past = told[: len(self.kinds)], told[len(self.kinds)], told[len(self.kinds) + 1 :]
        kept = Kept(past)
        lowest = torch.finfo(inputs_embeds.dtype).min
        added = [torch.zeros(1).masked_fill(~mask, lowest) for mask in masks]
        hidden = self.text(
            inputs_embeds=inputs_embeds,
            attention_mask=dict(zip(self.kinds, added, strict=True)),
            position_ids=position_ids,
            use_cache=False,
            cache=kept,
        ).last_hidden_state
        return self.head(hidden[:, -1:]), *kept.parts


class Spoken(nn.Module):
    """A decoder and its head as one causal language model, for transformers that know the two only inside a whole."""

    def __init__(self, text: Any, head: nn.Module) -> None:
        super().__init__()
        self.text, self.head, self.config = text, head, text.config

    def get_input_embeddings(self) -> nn.Module:
        """Return what makes vectors of tokens."""
        return self.text.get_input_embeddings()

    def forward(self, inputs_embeds: Tensor) -> Any:
        """Return an object with the `logits` (1, length, vocabulary) of `inputs_embeds` (1, length, width)."""
        return SimpleNamespace(logits=self.head(self.text(inputs_embeds=inputs_embeds).last_hidden_state))


def write(spoken: Spoken, out: Path, *, axes: int) -> None:
    """Write `model.onnx`; positions have so many `axes` (1 or 3)."""
    config = spoken.config
    kinds = [kind for kind in MASKS if kind in config.layer_types]
    masks = [MASKS[kind] for kind in kinds]
    cached = [f"{n}.{part}" for n in range(config.num_hidden_layers) for part in ("key", "value")]
    past, present = [f"past_key_values.{name}" for name in cached], [f"present.{name}" for name in cached]
    positions = torch.arange(2, 5)[None]
    given = [
        torch.randn(1, 3, config.hidden_size),
        *(torch.ones(1, 1, 3, 5, dtype=torch.bool).tril(2) for _ in masks),
        positions if axes == 1 else positions.expand(axes, 1, 3),
        *(torch.randn(1, config.num_key_value_heads, 2, head_size(config)) for _ in cached),
    ]
    module = ToldDecoder(spoken.text, spoken.head, kinds).eval()
    # Over 2 GB each weight becomes a file of its own, named as others in another graph may be.
    with tempfile.TemporaryDirectory(dir=out.parent) as alone:
        _export(module, tuple(given), Path(alone) / FILE, masks, past, present, axes)
        whole = onnx.load(Path(alone) / FILE)
    onnx.save(whole, out / FILE, save_as_external_data=True, location=DATA)
    (out / DATA).chmod((out / FILE).stat().st_mode)  # written for its owner alone, and served by another


def _export(
    module: nn.Module,
    given: tuple[Tensor, ...],
    file: Path,
    masks: Sequence[str],
    past: Sequence[str],
    present: Sequence[str],
    axes: int,
) -> None:
    torch.onnx.export(
        module,
        given,
        str(file),
        input_names=["inputs_embeds", *masks, "position_ids", *past],
        output_names=["logits", *present],
        dynamic_axes={
            "inputs_embeds": {1: "new"},
            "position_ids": {1 if axes == 1 else 2: "new"},
            **{name: {2: "new", 3: "total"} for name in masks},
            **{name: {2: "past"} for name in past},
            **{name: {2: "total"} for name in present},
        },
        opset_version=OPSET,
        dynamo=False,
    )


def configure(checkpoint: Checkpoint, spoken: Spoken, out: Path, *, kind: str) -> None:
    """Write `genai_config.json`: the tokens that mean something, the sizes of the cache."""
    config = spoken.config
    ends = checkpoint.file("generation_config.json").get("eos_token_id", config.eos_token_id)
    sizes = ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "hidden_size")
    model = {
        "type": kind,
        "bos_token_id": config.bos_token_id,
        "eos_token_id": ends,
        "pad_token_id": config.pad_token_id or 0,
        "vocab_size": config.vocab_size,
        "context_length": min(config.max_position_embeddings, MOST_CONTEXT),
        "decoder": {
            "filename": FILE,
            "session_options": {"provider_options": []},
            "head_size": head_size(config),
            **{name: getattr(config, name) for name in sizes},
        },
    }
    (out / "genai_config.json").write_text(json.dumps({"model": model}, indent=1) + "\n", encoding="utf-8")


def run(
    out: Path, embeddings: NDArray[np.float32], adapter: Mapping[str, NDArray[np.float32]] = MappingProxyType({})
) -> NDArray[np.float32]:
    """Return the logits (1, length, vocabulary) of the written graph, one token after another through its cache."""
    described = json.loads((out / "genai_config.json").read_text(encoding="utf-8"))["model"]["decoder"]
    decoder = Decoder(open_session(out / FILE, threads=1, device="cpu"), described, "cpu")
    bound = {name: ort.OrtValue.ortvalue_from_numpy(value) for name, value in adapter.items()}
    cache, logits = Cache(decoder, bound), []
    for at in range(embeddings.shape[1]):
        place = np.full((1, 1), at)
        told = {"position_ids": place if decoder.rank("position_ids") == 2 else np.broadcast_to(place, (3, 1, 1))}
        told |= {name: np.ones((1, 1, 1, at + 1), bool) for name in MASKS.values() if decoder.rank(name)}
        logits.append(cache.step({"inputs_embeds": embeddings[:, at : at + 1], **told}))
    return np.stack(logits)[None]


def head_size(config: Any) -> int:
    """Return the length of one attention head's vectors."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


def require_full_precision(precision: str) -> None:
    """Raise ExportError for what this export cannot write."""
    if precision != "fp32":
        raise ExportError(f"families of the plain engine are written in fp32, not in {precision}: leave it out")
