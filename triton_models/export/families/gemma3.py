"""Gemma 3 with images: google/medgemma-4b-it, medgemma-1.5-4b-it, gemma-3-4b-it.

A SigLIP tower whose patches are pooled into `mm_tokens_per_image` tokens, and a decoder with sliding and full layers in
which the tokens of one image see one another. GenAI's decoder is causal there, so the plain engine serves it.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor, nn

from export import told_decoder
from export.checkpoint import Checkpoint
from export.family import Parts
from export.trouble import ExportError

ARCHITECTURES = frozenset({"Gemma3ForConditionalGeneration"})
INEXACT: tuple[str, ...] = ()
MAX_IMAGES = 4
MARK, TOKEN = "<start_of_image>", "<image_soft_token>"


def check(config: dict[str, Any]) -> None:
    """Raise ExportError where an image does not become a square of tokens that one window holds."""
    tokens = config.get("mm_tokens_per_image", 256)
    window = config.get("text_config", {}).get("sliding_window") or tokens
    if tokens > window:
        raise ExportError(f"an image has {tokens} tokens and a layer reaches back {window}: not tried, not exported")


class Vision(nn.Module):
    """The tower, its pooling and projection."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.tower, self.projector = model.vision_tower, model.multi_modal_projector

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return `image_features` (images * tokens, width) of `pixel_values` (images, 3, side, side)."""
        return self.projector(self.tower(pixel_values=pixel_values).last_hidden_state).flatten(0, 1)


def take_apart(checkpoint: Checkpoint) -> Parts:
    """Return the model in fp32."""
    from transformers import Gemma3ForConditionalGeneration

    model = Gemma3ForConditionalGeneration.from_pretrained(
        checkpoint.path, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    side = model.config.vision_config.image_size
    return Parts(
        decoder=model,
        generate=partial(_generate, model),
        vision=Vision(model.model),
        image_token=model.config.image_token_id,
        pixel_shape=(3, side, side),
    )


@torch.no_grad()
def _generate(model: Any, input_ids: Tensor, pixel_values: Tensor | None, count: int) -> list[int]:
    """Return the framework's greedy answer; the makers' processor marks the images' tokens by `token_type_ids`."""
    told = model.generate(
        input_ids=input_ids,
        pixel_values=pixel_values,
        token_type_ids=(input_ids == model.config.image_token_id).long(),
        attention_mask=torch.ones_like(input_ids),
        max_new_tokens=count,
        do_sample=False,
    )
    return [int(token) for token in told[0, input_ids.shape[1] :]]


def form(checkpoint: Checkpoint, parts: Parts) -> dict[str, Any]:
    """Return what preread.json says."""
    processor = checkpoint.file("preprocessor_config.json")
    if processor.get("do_pan_and_scan"):
        raise ExportError("its processor cuts images into pieces (do_pan_and_scan), which is not built: switch it off")
    side = parts.pixel_shape[-1]
    return {
        "engine": "plain",
        "decoder": {
            "image_attention": "bidirectional",
            "sliding_window": parts.decoder.config.text_config.sliding_window,
        },
        "image": {
            "rows": side,
            "columns": side,
            "fit": "stretch",
            "filter": "bilinear",
            "depth": 8,
            "padding": 0.0,
            "mean": processor.get("image_mean", [0.5] * 3),
            "std": processor.get("image_std", [0.5] * 3),
            "token": TOKEN,
            "tokens_per_image": parts.decoder.config.mm_tokens_per_image,
            "mark": MARK,
            "before": f"\n\n{MARK}",
            "after": "<end_of_image>\n\n",
            "max_images": MAX_IMAGES,
        },
        "default_max_tokens": 512,
        "domain": None,
    }


def pixels(checkpoint: Checkpoint, image: Image) -> NDArray[np.float32]:
    """Return `pixel_values` (3, side, side) of the makers' processor."""
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(checkpoint.path, backend="pil")
    return np.asarray(processor(images=image, return_tensors="np")["pixel_values"][0], np.float32)


def write_decoder(checkpoint: Checkpoint, parts: Parts, out: Path, precision: str) -> None:
    """Write model.onnx and genai_config.json."""
    text = parts.decoder.model.language_model
    told_decoder.write(text, parts.decoder.lm_head, out, axes=1)
    told_decoder.configure(checkpoint, text, out, kind="gemma3")
