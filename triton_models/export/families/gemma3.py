"""Gemma 3 with images: google/medgemma-4b-it, medgemma-1.5-4b-it, gemma-3-4b-it.

A SigLIP tower whose patches are pooled into `mm_tokens_per_image` tokens, and a decoder with sliding and full layers in
which the tokens of one image see one another. GenAI's decoder is causal there, so the plain engine serves it.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor, nn

from export import told_decoder
from export.checkpoint import Checkpoint
from export.family import Parts
from export.loading import load_whole
from export.seeing import normalisation, processed, processor_of, seeing_form
from export.text import greedy
from export.trouble import ExportError

ARCHITECTURES = frozenset({"Gemma3ForConditionalGeneration"})
INEXACT: tuple[str, ...] = ()
JOINS = ()
MAX_IMAGES = 4
TOKENS = 256
MARK, TOKEN = "<start_of_image>", "<image_soft_token>"


def check(config: dict[str, Any]) -> None:
    """Raise ExportError where an image does not become a square of tokens that one window holds."""
    tokens = config.get("mm_tokens_per_image", TOKENS)
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

    whole = load_whole(Gemma3ForConditionalGeneration, checkpoint, attn_implementation="eager")
    image, side = whole.config.image_token_id, whole.config.vision_config.image_size

    def generate(ids: Tensor, pixels: Tensor | None, count: int) -> list[int]:
        shown = {} if pixels is None else {"pixel_values": pixels}
        # The makers' processor marks the images' tokens so.
        return greedy(whole, count, input_ids=ids, token_type_ids=(ids == image).long(), **shown)

    return Parts(
        decoder=told_decoder.Spoken(whole.model.language_model, whole.lm_head),
        whole=whole,
        generate=generate,
        vision=Vision(whole.model),
        image_token=image,
        pixel_shape=(3, side, side),
    )


def form(checkpoint: Checkpoint, parts: Parts) -> dict[str, Any]:
    """Return how an image is shown: drawn out to a square, whole."""
    if processor_of(checkpoint).get("do_pan_and_scan"):
        raise ExportError("its processor cuts images into pieces (do_pan_and_scan), which is not built: switch it off")
    side, tokens = parts.pixel_shape[-1], checkpoint.config.get("mm_tokens_per_image", TOKENS)
    image = {"rows": side, "columns": side, "fit": "stretch", "tokens_per_image": tokens, "max_images": MAX_IMAGES}
    words = {"token": TOKEN, "mark": MARK, "before": f"\n\n{MARK}", "after": "<end_of_image>\n\n"}
    decoder = {"image_attention": "bidirectional", "sliding_window": parts.decoder.config.sliding_window}
    told = seeing_form(parts, image | words | normalisation(checkpoint))
    return told | {"engine": "plain", "decoder": decoder}


def pixels(checkpoint: Checkpoint, image: Image) -> NDArray[np.float32]:
    """Return `pixel_values` (3, side, side) of the makers' processor."""
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

    return processed(checkpoint, image, Gemma3ImageProcessorPil)


def write_decoder(checkpoint: Checkpoint, parts: Parts, out: Path, precision: str) -> None:
    """Write model.onnx and genai_config.json."""
    told_decoder.require_full_precision(precision)
    told_decoder.write(parts.decoder, out, axes=1)
    told_decoder.configure(checkpoint, parts.decoder, out, kind="gemma3")


run_decoder = told_decoder.run
