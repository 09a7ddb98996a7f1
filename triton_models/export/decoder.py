"""The decoder by ONNX Runtime GenAI's own builder, and what has to be set right in what it writes."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx

from export.checkpoint import Checkpoint
from export.family import Parts
from export.trouble import ExportError
from export.words import copy_tokenizer

BUILDER = "onnxruntime_genai.models.builder"
NORMS = {"LayerNormalization", "SimplifiedLayerNormalization", "SkipLayerNormalization",
         "SkipSimplifiedLayerNormalization"}  # fmt: skip
SAID_CHARACTERS = 2000


def write_decoder(checkpoint: Checkpoint, parts: Parts, out: Path, precision: str) -> None:
    """Write model.onnx, its data and genai_config.json into `out`. Raises ExportError with what the builder said."""
    with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
        source, seeing = checkpoint.path, parts.vision is not None
        if seeing:
            source = Path(temporary) / "decoder"
            parts.decoder.save_pretrained(source)
            copy_tokenizer(checkpoint.path, source)
        build(source, out, precision, embeds=not seeing, cache=Path(temporary) / "cache")
    set_epsilon(out / "model.onnx", epsilon_of(parts.decoder.config))
    configure(out / "genai_config.json", parts)


def build(source: Path, out: Path, precision: str, *, embeds: bool, cache: Path) -> None:
    """Run the builder; without `embeds` the decoder takes `inputs_embeds` in place of `input_ids`."""
    words = [sys.executable, "-m", BUILDER, "-i", str(source), "-o", str(out), "-p", precision, "-e", "cpu"]
    words += ["-c", str(cache)]
    if not embeds:
        words += ["--extra_options", "exclude_embeds=true"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip())[-SAID_CHARACTERS:]
        raise ExportError(f"the decoder could not be built: {said}")


def epsilon_of(config: Any) -> float:
    """Return what the checkpoint adds under the root of its norms."""
    for name in ("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"):
        if (found := getattr(config, name, None)) is not None:
            return float(found)
    raise ExportError("config.json names no epsilon of its norms (rms_norm_eps, layer_norm_eps)")


def set_epsilon(file: Path, epsilon: float) -> None:
    """Set the epsilon of every norm: the builder (0.18) reads rms_norm_eps alone and writes 1e-6 for the others."""
    model = onnx.load(file, load_external_data=False)
    for node in _norms(model.graph):
        for attribute in node.attribute:
            if attribute.name == "epsilon":
                attribute.f = epsilon
    onnx.save(model, file)


def _norms(graph: Any) -> Iterator[Any]:
    return (node for node in graph.node if node.op_type in NORMS)


def configure(file: Path, parts: Parts) -> None:
    """Make the builder's configuration of a decoder that of the whole model."""
    config = json.loads(file.read_text(encoding="utf-8"))
    if parts.context is not None:
        config["model"]["context_length"] = config["search"]["max_length"] = parts.context
    if parts.vision is not None:
        config["model"] |= with_images(parts.image_token)
    file.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def with_images(image_token: int | None) -> dict[str, Any]:
    """Return the runtime's way for a decoder with one vision and one embedding graph; nothing of Gemma is in them."""
    return {
        "type": "gemma3",
        "image_token_id": image_token,
        "vision": {
            "filename": "vision.onnx",
            "inputs": {"pixel_values": "pixel_values"},
            "outputs": {"image_features": "image_features"},
        },
        "embedding": {
            "filename": "embedding.onnx",
            "inputs": {"input_ids": "input_ids", "image_features": "image_features"},
            "outputs": {"inputs_embeds": "inputs_embeds"},
        },
    }
