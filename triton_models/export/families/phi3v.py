"""Phi-3-vision and Phi-3.5-vision, and what was tuned from them: CLIP, a projector of merged patches, Phi-3.

transformers has no such class (the makers' own code comes with the checkpoint and is not run): what is compared is
transformers' CLIP and Phi-3 with the weights of the checkpoint, put together as the makers' modeling_phi3_v.py does.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from torch import Tensor, nn

from export.checkpoint import Checkpoint, weights
from export.family import Parts
from export.loading import load_named
from export.seeing import DEPTH, processor_of, seeing_form
from export.text import greedy
from export.trouble import ExportError

ARCHITECTURES = frozenset({"Phi3VForCausalLM"})
INEXACT = (
    "An image is shown in one crop of 336 pixels (the processor's num_crops = 1), not in the makers' tiles.",
    "Its sides may differ by a pixel from the makers' rounding where it is not square.",
    "The prompt is read in one piece; the makers' processor reads what stands before and after an image apart.",
    "The framework has no class for it: it was compared with CLIP and Phi-3 put together as the makers' code does.",
    "Long contexts (LongRoPE) are cut to the original context, within which one set of factors holds.",
)
IMAGE = "<|image|>"
SIGHT = "model.vision_embed_tokens."
HEAD_WIDTH = 64
"""CLIP's, in every size."""
LAYER = -2
WHITE = 255
NOT_OF_THE_DECODER = frozenset({"architectures", "auto_map", "embd_layer", "img_processor", "model_type"})


class Vision(nn.Module):
    """`pixel_values` (n, 3, side, side) to `image_features` (n * tokens, width): the crop, a mark, the whole image.

    With one crop both are the same picture, so that the tower looks once.
    """

    def __init__(self, tower: nn.Module, projector: nn.Module, row_end: Tensor, between: Tensor) -> None:
        super().__init__()
        self.tower, self.projector = tower, projector
        self.register_buffer("row_end", row_end, persistent=False)
        self.register_buffer("between", between, persistent=False)

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return all images' features one after another."""
        seen = self.tower(pixel_values, output_hidden_states=True).hidden_states[LAYER][:, 1:]
        across = int(seen.shape[1] ** 0.5) // 2
        width = 4 * seen.shape[2]
        grid = seen.reshape(-1, across, 2, across, 2, seen.shape[2]).permute(0, 1, 3, 2, 4, 5)
        grid = grid.reshape(-1, across, across, width)
        # Broadcast by a sum, not expanded: the number of images stays open in the graph.
        rows = torch.cat([grid, grid[:, :, :1] * 0 + self.row_end], 2).reshape(-1, across * (across + 1), width)
        mark = rows[:, :1] * 0 + self.between
        return self.projector(torch.cat([rows, mark, rows], 1)).reshape(-1, self.projector[-1].out_features)


def check(config: dict[str, Any]) -> None:
    """Refuse what the makers' code knows and no published checkpoint has."""
    layer = config.get("embd_layer", {})
    if layer.get("hd_transform_order") != "sub_glb" or not layer.get("use_hd_transform"):
        raise ExportError("this Phi-3-vision orders its crops in a way that no published one does (hd_transform_order)")


def take_apart(checkpoint: Checkpoint) -> Parts:
    """Return decoder and vision with the checkpoint's weights, each under its published name."""
    from transformers import Phi3Config, Phi3ForCausalLM

    sight, named = _sight(checkpoint), _weights(checkpoint, of_sight=False)
    config = Phi3Config.from_dict(_of_the_decoder(checkpoint.config))
    decoder = load_named(Phi3ForCausalLM(config), named)
    vision = _vision(sight).eval()
    number, side = _image_token(checkpoint), _side(sight)

    def generate(ids: Tensor, pixels: Tensor | None, count: int) -> list[int]:
        embedded = decoder.get_input_embeddings()(ids)
        if pixels is not None:
            embedded = embedded.masked_scatter((ids == number)[..., None], vision(pixels))
        return greedy(decoder, count, input_ids=ids, inputs_embeds=embedded)

    return Parts(
        decoder=decoder,
        generate=generate,
        vision=vision,
        image_token=number,
        pixel_shape=(3, side, side),
        context=config.original_max_position_embeddings,
    )


def form(checkpoint: Checkpoint, parts: Parts) -> dict[str, Any]:
    """Return how an image is shown: whole, padded with white, the bilinear way."""
    side, told = parts.pixel_shape[1], processor_of(checkpoint)
    with torch.no_grad():
        tokens = len(parts.vision(torch.zeros(1, *parts.pixel_shape))) if parts.vision else 0
    image = {"rows": side, "columns": side, "mean": told["image_mean"], "std": told["image_std"], "filter": "bilinear",
             "depth": DEPTH, "padding": 1.0, "token": IMAGE, "tokens_per_image": tokens, "max_images": 4,
             "after": "\n"}  # fmt: skip
    return seeing_form(parts, image)


def pixels(checkpoint: Checkpoint, image: Image.Image) -> NDArray[np.float32]:
    """Return what the makers' processing_phi3_v.py makes of an image with one crop (HD_transform, padding_336)."""
    told, side = processor_of(checkpoint), _side(_sight(checkpoint))
    width, height = image.size
    scale = side / max(width, height)
    small = image.resize((int(width * scale), int(height * scale)), Image.Resampling.BILINEAR)
    padded = Image.new("RGB", (side, side), (WHITE, WHITE, WHITE))
    padded.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    scaled = (np.asarray(padded, np.float32) / WHITE - told["image_mean"]) / told["image_std"]
    return np.asarray(scaled.transpose(2, 0, 1), np.float32)


def _of_the_decoder(config: dict[str, Any]) -> dict[str, Any]:
    """Return config.json as a Phi-3's; transformers looks for the original context beside the factors."""
    kept = {key: value for key, value in config.items() if key not in NOT_OF_THE_DECODER}
    if scaling := kept.get("rope_scaling"):
        original = kept["original_max_position_embeddings"]
        kept["rope_scaling"] = {**scaling, "original_max_position_embeddings": original}
    return kept


def _sight(checkpoint: Checkpoint) -> dict[str, Tensor]:
    named = _weights(checkpoint, of_sight=True)
    return {name.removeprefix(SIGHT): tensor for name, tensor in named.items()}


def _weights(checkpoint: Checkpoint, *, of_sight: bool) -> dict[str, Tensor]:
    """The weights of vision, or all others; the rest is not read."""
    found: dict[str, Tensor] = {}
    for path in weights(checkpoint.path):
        with safe_open(path, framework="pt") as file:
            found |= {name: file.get_tensor(name) for name in file.keys() if name.startswith(SIGHT) == of_sight}  # noqa: SIM118
    return found


def _vision(sight: dict[str, Tensor]) -> Vision:
    """The tower's sizes are nowhere but in its weights: the makers' code has them as constants."""
    from transformers import CLIPVisionConfig, CLIPVisionModel

    tower = {name.removeprefix("img_processor."): sight[name] for name in sight if name.startswith("img_processor.")}
    seen = "vision_model.embeddings."
    width = len(tower[f"{seen}class_embedding"])
    layers = {name.split(".")[3] for name in tower if name.startswith("vision_model.encoder.layers.")}
    config = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=len(tower["vision_model.encoder.layers.0.mlp.fc1.bias"]),
        num_hidden_layers=len(layers),
        num_attention_heads=max(1, width // HEAD_WIDTH),
        image_size=_side(sight),
        patch_size=tower[f"{seen}patch_embedding.weight"].shape[-1],
    )
    config._attn_implementation = "eager"
    one, two = sight["img_projection.0.weight"], sight["img_projection.2.weight"]
    projector = nn.Sequential(nn.Linear(one.shape[1], one.shape[0]), nn.GELU(), nn.Linear(two.shape[1], two.shape[0]))
    given = {name.removeprefix("img_projection."): sight[name] for name in sight if name.startswith("img_projection.")}
    return Vision(
        load_named(CLIPVisionModel(config), tower, prefix="vision_model."),
        load_named(projector, given),
        sight["sub_GN"].float(),
        sight["glb_GN"].float(),
    )


def _side(sight: dict[str, Tensor]) -> int:
    seen = "img_processor.vision_model.embeddings."
    places = sight[f"{seen}position_embedding.weight"].shape[0] - 1
    return int(round(places**0.5) * sight[f"{seen}patch_embedding.weight"].shape[-1])


def _image_token(checkpoint: Checkpoint) -> int:
    for token in checkpoint.file("tokenizer.json").get("added_tokens", []):
        if token["content"] == IMAGE:
            return int(token["id"])
    raise ExportError(f"{checkpoint.path}/tokenizer.json has no token {IMAGE}: take the tokenizer of its base model")
