"""Qwen2.5-VL: StanfordAIMI/CheXOne, nvidia/NV-Reason-CXR-3B, Lingshu, Qwen/Qwen2.5-VL-3B-Instruct.

A tower of patches with attention in windows and four blocks with attention over all, 2 x 2 patches merged into a token;
a decoder whose positions count in time, rows and columns. GenAI's decoder has no such positions, so the plain engine
serves it.
"""

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
from export.loading import load_whole
from export.seeing import normalisation, processor_of, seeing_form
from export.text import greedy
from export.trouble import ExportError

ARCHITECTURES = frozenset({"Qwen2_5_VLForConditionalGeneration"})
MAX_SIDE = 896
INEXACT = (
    f"Images are fitted into a square of at most {MAX_SIDE} pixels with black beside them; the makers' processor keeps "
    "each image's own size and shape.",
)
JOINS = ()
MAX_IMAGES = 4
TOKEN = "<|image_pad|>"
"""Both what the template writes for an image and what stands for one feature."""


def check(config: dict[str, Any]) -> None:
    """Raise ExportError for windows that do not hold whole tokens."""
    window, token = config.get("vision_config", {}).get("window_size", 112), token_side(config)
    if window % token:
        raise ExportError(f"a window of {window} pixels does not hold whole tokens of {token} pixels")


def token_side(config: dict[str, Any]) -> int:
    """Return the side in pixels of what becomes one token."""
    vision = config.get("vision_config", {})
    return int(vision.get("patch_size", 14) * vision.get("spatial_merge_size", 2))


def side_of(checkpoint: Checkpoint) -> int:
    """Return the side of the square in pixels: whole windows, within the operator's and the processor's limits."""
    processor = processor_of(checkpoint)
    pixels = processor.get("max_pixels") or processor.get("size", {}).get("longest_edge") or MAX_SIDE**2
    window = checkpoint.config.get("vision_config", {}).get("window_size", 112)
    most = min(checkpoint.image_size or MAX_SIDE, int(pixels**0.5))
    return int(max(window, most // window * window))


class Vision(nn.Module):
    """The tower for images of one size, so that its windows and positions are constants of the graph."""

    def __init__(self, tower: Any, side: int) -> None:
        super().__init__()
        self.tower, config = tower, tower.config
        self.merge, self.across = config.spatial_merge_size, side // config.patch_size
        self.inside = config.window_size // config.patch_size
        # A picture is a film of two frames that are the same.
        self.patch = nn.Parameter(tower.patch_embed.proj.weight.sum(2), requires_grad=False)
        order = self._by_windows(torch.arange(self.across**2).reshape(1, self.across, self.across, 1)).flatten()
        angles = _angles(order, self.across, config.hidden_size // config.num_heads)
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())
        # By its first patch each token is put back into its row and column.
        self.register_buffer("back", torch.argsort(order.reshape(-1, self.merge**2)[:, 0]))

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return `image_features` (images * tokens, width) of `pixel_values` (images, 3, side, side)."""
        drawn = nn.functional.conv2d(pixel_values, self.patch, stride=self.patch.shape[-1])
        hidden = self._by_windows(drawn.permute(0, 2, 3, 1))
        for number, block in enumerate(self.tower.blocks):
            alone = hidden
            if number not in self.tower.fullatt_block_indexes:
                alone = hidden.reshape(-1, self.inside**2, hidden.shape[-1])
            seen = self._attend(block.attn, block.norm1(alone)).reshape(hidden.shape)
            hidden = hidden + seen
            hidden = hidden + block.mlp(block.norm2(hidden))
        merged = self.tower.merger(hidden).reshape(hidden.shape[0], len(self.back), -1)
        return merged[:, self.back].flatten(0, 1)

    def _by_windows(self, patches: Tensor) -> Tensor:
        """Return `patches` (n, rows, columns, width) as (n, patches, width): window by window, token by token."""
        cut = (self.across // self.inside, self.inside // self.merge, self.merge)
        return patches.reshape(-1, *cut, *cut, patches.shape[-1]).permute(0, 1, 4, 2, 5, 3, 6, 7).flatten(1, 6)

    def _attend(self, attention: Any, hidden: Tensor) -> Tensor:
        """Return what `hidden` (groups, patches, width) sees, each group within itself."""
        groups, length, _ = hidden.shape
        heads = attention.qkv(hidden).reshape(groups, length, 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = heads.unbind(0)
        cos, sin = (turn.reshape(-1, 1, length, turn.shape[-1]) for turn in (self.cos, self.sin))
        times = groups // cos.shape[0]
        cos, sin = cos.repeat(times, 1, 1, 1), sin.repeat(times, 1, 1, 1)
        query, key = query * cos + _turned(query) * sin, key * cos + _turned(key) * sin
        weights = torch.softmax(query @ key.transpose(-1, -2) * attention.scaling, dim=-1)
        return attention.proj((weights @ value).transpose(1, 2).flatten(2))


def _angles(order: Tensor, across: int, size: int) -> Tensor:
    """Return by how much the positions turn a head of `size`: rows, columns, and both again (patches, size)."""
    speeds = 10000.0 ** -(torch.arange(0, size // 2, 2) / (size // 2))
    both = torch.cat([(order // across)[:, None] * speeds, (order % across)[:, None] * speeds], dim=-1)
    return torch.cat([both, both], dim=-1)


def _turned(vectors: Tensor) -> Tensor:
    first, second = vectors.chunk(2, dim=-1)
    return torch.cat([-second, first], dim=-1)


def take_apart(checkpoint: Checkpoint) -> Parts:
    """Return the model in fp32, its tower for images of one size."""
    from transformers import Qwen2_5_VLForConditionalGeneration

    whole = load_whole(Qwen2_5_VLForConditionalGeneration, checkpoint, attn_implementation="eager")
    image, side = whole.config.image_token_id, side_of(checkpoint)

    def generate(ids: Tensor, pixels: Tensor | None, count: int) -> list[int]:
        whole.model.rope_deltas = None  # kept from the answer before
        if pixels is None:
            return greedy(whole, count, input_ids=ids)
        patches, grid = patched(pixels, whole.config.vision_config)
        shown = {"pixel_values": patches, "image_grid_thw": grid, "mm_token_type_ids": (ids == image).int()}
        return greedy(whole, count, input_ids=ids, **shown)

    return Parts(
        decoder=told_decoder.Spoken(whole.model.language_model, whole.lm_head),
        whole=whole,
        generate=generate,
        vision=Vision(whole.model.visual, side),
        image_token=image,
        pixel_shape=(3, side, side),
    )


def patched(pixel_values: Tensor, config: Any) -> tuple[Tensor, Tensor]:
    """Return `pixel_values` (images, 3, side, side) as the processor lays them out, and their grid (images, 3)."""
    images, channels, side, _ = pixel_values.shape
    merge, patch = config.spatial_merge_size, config.patch_size
    cut = (side // patch // merge, merge, patch)
    pieces = pixel_values.reshape(images, channels, *cut, *cut).permute(0, 2, 5, 3, 6, 1, 4, 7)
    frames = pieces[..., None, :, :].expand(*pieces.shape[:6], config.temporal_patch_size, patch, patch)
    grid = torch.tensor([[1, side // patch, side // patch]] * images)
    return frames.reshape(images * (side // patch) ** 2, -1), grid


def form(checkpoint: Checkpoint, parts: Parts) -> dict[str, Any]:
    """Return how an image is shown: whole, in a square."""
    side = parts.pixel_shape[-1]
    across = side // token_side(checkpoint.config)
    image = {"rows": side, "columns": side, "fit": "letterbox", "max_images": MAX_IMAGES}
    shown = {"token": TOKEN, "mark": TOKEN, "grid": [across, across], "tokens_per_image": across**2}
    return seeing_form(parts, image | shown | normalisation(checkpoint)) | {"engine": "plain"}


def pixels(checkpoint: Checkpoint, image: Image) -> NDArray[np.float32]:
    """Return `pixel_values` (3, side, side) of the makers' processor, asked for our size."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    side, vision = side_of(checkpoint), checkpoint.config["vision_config"]
    size = {"shortest_edge": side**2, "longest_edge": side**2}
    told = {key: value for key, value in processor_of(checkpoint).items() if key not in ("min_pixels", "max_pixels")}
    made = Qwen2VLImageProcessorPil(**(told | {"size": size}))(images=[image], return_tensors="pt")["pixel_values"]
    return _joined(made, side, vision.get("patch_size", 14), vision.get("spatial_merge_size", 2)).numpy()


def _joined(patches: Tensor, side: int, patch: int, merge: int) -> Tensor:
    """Undo `patched` for one image."""
    tokens = side // patch // merge
    frames = patches.reshape(tokens, tokens, merge, merge, 3, -1, patch, patch)[:, :, :, :, :, 0]
    return frames.permute(4, 0, 2, 5, 1, 3, 6).reshape(3, side, side)


def write_decoder(checkpoint: Checkpoint, parts: Parts, out: Path, precision: str) -> None:
    """Write model.onnx and genai_config.json."""
    told_decoder.require_full_precision(precision)
    told_decoder.write(parts.decoder, out, axes=3)
    told_decoder.configure(checkpoint, parts.decoder, out, kind="qwen2_5_vl")


run_decoder = told_decoder.run
