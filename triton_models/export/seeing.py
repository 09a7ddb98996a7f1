"""What families with images have in common: a decoder of words, and what makes features of pixels before it."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from export.checkpoint import Checkpoint
from export.family import Parts
from export.text import DEFAULT_MAX_TOKENS, greedy
from export.trouble import ExportError

FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box"}
"""PIL's numbers for them, as preprocessor_config.json has them under `resample`."""
DEPTH = 8
"""Makers' processors work on pictures of eight bits."""


def decoder_of(language: nn.Module, head: nn.Module, config: Any) -> Any:
    """Return the causal language model inside a model with images; no weight is copied."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        decoder = AutoModelForCausalLM.from_config(config)
    decoder.model, decoder.lm_head = language, head
    return decoder.eval()


def seeing_parts(whole: Any, vision: nn.Module, *, pixel_shape: tuple[int, ...], **inputs: Tensor) -> Parts:
    """Return a model of transformers with images, taken apart; `inputs` go with every image into its own answer."""
    config = whole.config

    def generate(ids: Tensor, pixels: Tensor | None, count: int) -> list[int]:
        shown = {} if pixels is None else {"pixel_values": pixels, **inputs}
        return greedy(whole, count, input_ids=ids, **shown)

    return Parts(
        decoder=decoder_of(whole.model.language_model, whole.lm_head, config.text_config),
        generate=generate,
        vision=vision,
        image_token=config.image_token_id,
        pixel_shape=pixel_shape,
    )


def seeing_form(parts: Parts, image: dict[str, Any]) -> dict[str, Any]:
    """Return preread.json for a model that takes images."""
    most = min(DEFAULT_MAX_TOKENS, parts.decoder.config.max_position_embeddings // 4)
    return {"image": image, "default_max_tokens": most, "domain": None}


def normalisation(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return how the makers' processor scales and resizes, as an image form says it. Raises ExportError without one."""
    told = processor_of(checkpoint)
    try:
        named = FILTERS[told.get("resample", 3)]
        return {"mean": told["image_mean"], "std": told["image_std"], "filter": named, "depth": DEPTH, "padding": 0.0}
    except KeyError as error:
        raise ExportError(f"{checkpoint.path}/preprocessor_config.json lacks {error}, or has one not known") from error


def processor_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what the checkpoint says of its image processor."""
    told = checkpoint.file("preprocessor_config.json") or checkpoint.file("processor_config.json").get(
        "image_processor"
    )
    if not told:
        raise ExportError(f"{checkpoint.path} has no preprocessor_config.json: take it from the model's page, too")
    return told


def token_named(checkpoint: Checkpoint, number: int) -> str:
    """Return the word of the token `number` that was added to the tokenizer. Raises ExportError where it is none."""
    for token in checkpoint.file("tokenizer.json").get("added_tokens", []):
        if token["id"] == number:
            return str(token["content"])
    raise ExportError(f"{checkpoint.path}/tokenizer.json has no token {number}, which config.json says is the image's")


def processed(checkpoint: Checkpoint, image: Image.Image, kind: Any, **changed: Any) -> NDArray[np.float32]:
    """Return `pixel_values` of one image by transformers' processor `kind`, on PIL as the makers' was."""
    told = {key: value for key, value in processor_of(checkpoint).items() if not key.endswith("_type")}
    made = kind(**(told | changed))(images=[image], return_tensors="np")["pixel_values"]
    return np.asarray(made[0], np.float32)
