"""The Pixtral tower for images of one size, several side by side.

The framework lays all images' patches in one row and masks them from each other, which fixes their number in a graph;
here each image is an entry of the batch, which is the same sum.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor, nn

from export.checkpoint import Checkpoint
from export.seeing import processed, processor_of
from export.trouble import ExportError


class Tower(nn.Module):
    """`pixel_values` (n, 3, side, side) to the last layer's patches (n, patches, width)."""

    def __init__(self, tower: nn.Module, side: int) -> None:
        super().__init__()
        self.tower = tower
        self.patches = side // tower.patch_size
        across = torch.arange(self.patches)
        places = torch.stack([grid.flatten() for grid in torch.meshgrid(across, across, indexing="ij")], -1)
        cosine, sine = tower.patch_positional_embedding(torch.zeros(1), places)
        self.register_buffer("cosine", cosine, persistent=False)
        self.register_buffer("sine", sine, persistent=False)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return what the tower makes of each image."""
        rows = self.tower.ln_pre(self.tower.patch_conv(pixel_values).flatten(2).transpose(1, 2))
        for layer in self.tower.transformer.layers:
            told = layer(rows, attention_mask=None, position_embeddings=(self.cosine, self.sine))
            rows = told[0] if isinstance(told, tuple) else told
        return rows


def side_of(checkpoint: Checkpoint, *, merge: int) -> int:
    """Return the side of the square; raises ExportError for one that is not whole patches."""
    patch = checkpoint.config["vision_config"].get("patch_size", 16) * merge
    side = checkpoint.image_size or int(processor_of(checkpoint).get("size", {}).get("longest_edge", 0))
    if side < patch or side % patch or side > checkpoint.config["vision_config"].get("image_size", side):
        raise ExportError(f"an image of {side} pixels is not whole patches of {patch}: choose another --image-size")
    return side


def shown(across: int) -> dict[str, Any]:
    """Return how an image stands in the prompt: rows of placeholders, a mark after each (PixtralProcessor)."""
    grid = {"tokens_per_image": across**2, "grid": [across, across], "row_end": "[IMG_BREAK]", "after": "[IMG_END]"}
    return {"fit": "letterbox", **grid}


def pixels(checkpoint: Checkpoint, image: Image, *, merge: int) -> NDArray[np.float32]:
    """Return what transformers' Pixtral processor makes of an image."""
    from transformers.models.pixtral.image_processing_pil_pixtral import PixtralImageProcessorPil

    side = {"longest_edge": side_of(checkpoint, merge=merge)}
    return processed(checkpoint, image, PixtralImageProcessorPil, size=side)
