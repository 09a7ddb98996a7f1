"""Mistral-Small-3.1 and its like: a Pixtral tower whose patches are merged, a Mistral decoder."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor, nn

from export import pixtral
from export.checkpoint import Checkpoint
from export.family import Parts
from export.loading import load_whole
from export.seeing import normalisation, seeing_form, seeing_parts, token_named
from export.trouble import ExportError

ARCHITECTURES = frozenset({"Mistral3ForConditionalGeneration"})
INEXACT = ("Every image is shown in one square size, padded with black; its makers keep the size.",)


class Vision(nn.Module):
    """`pixel_values` (n, 3, side, side) to `image_features` (n * merged patches, width)."""

    def __init__(self, model: Any, side: int) -> None:
        super().__init__()
        self.tower, self.projector = pixtral.Tower(model.vision_tower, side), model.multi_modal_projector
        self.merge = model.config.spatial_merge_size

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return all images' features one after another."""
        seen = self.projector.norm(self.tower(pixel_values))
        grid = seen.transpose(1, 2).unflatten(2, (self.tower.patches, self.tower.patches))
        merged = nn.functional.unfold(grid, kernel_size=self.merge, stride=self.merge).transpose(1, 2)
        rows = self.projector.patch_merger.merging_layer(merged)
        return self.projector.linear_2(self.projector.act(self.projector.linear_1(rows))).flatten(0, 1)


def check(config: dict[str, Any]) -> None:
    """Refuse what no test has taken through."""
    if (decoder := config.get("text_config", {}).get("model_type", "mistral")) != "mistral":
        raise ExportError(f"this Mistral 3 has a {decoder} decoder; known is mistral")
    if (layer := config.get("vision_feature_layer", -1)) != -1:
        raise ExportError(f"vision_feature_layer {layer} is not known here")


def take_apart(checkpoint: Checkpoint) -> Parts:
    """Return the model with its tower for images of one size."""
    import torch
    from transformers import Mistral3ForConditionalGeneration

    whole = load_whole(Mistral3ForConditionalGeneration, checkpoint, attn_implementation="eager")
    side = pixtral.side_of(checkpoint, merge=whole.config.spatial_merge_size)
    sizes = torch.tensor([[side, side]])
    return seeing_parts(whole, Vision(whole.model, side), pixel_shape=(3, side, side), image_sizes=sizes)


def form(checkpoint: Checkpoint, parts: Parts) -> dict[str, Any]:
    """Return how an image is shown: rows of merged patches with a mark after each."""
    merge = checkpoint.config.get("spatial_merge_size", 2)
    side = pixtral.side_of(checkpoint, merge=merge)
    across = side // (checkpoint.config["vision_config"].get("patch_size", 14) * merge)
    token = token_named(checkpoint, parts.image_token or 0)
    image = {"rows": side, "columns": side, "token": token, "max_images": 4, **pixtral.shown(across)}
    return seeing_form(parts, image | normalisation(checkpoint))


def pixels(checkpoint: Checkpoint, image: Image) -> NDArray[np.float32]:
    """Return what transformers' Pixtral processor makes of an image."""
    return pixtral.pixels(checkpoint, image, merge=checkpoint.config.get("spatial_merge_size", 2))
