"""LLaVA's layout: a vision tower, two linear layers, a decoder. LLaVA 1.5 (CLIP, Llama or Mistral) and Pixtral-12B."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor, nn

from export import pixtral
from export.checkpoint import Checkpoint
from export.family import Parts
from export.loading import load_whole
from export.seeing import normalisation, processed, seeing_form, seeing_parts, token_named
from export.trouble import ExportError

ARCHITECTURES = frozenset({"LlavaForConditionalGeneration"})
INEXACT = (
    "With a Pixtral tower: every image is shown in one square size, padded with black; its makers keep its own size.",
)
TEMPLATE = (
    "{% for message in messages %}USER: {% for content in message['content'] %}"
    "{% if content['type'] == 'image' %}<image>\n{% endif %}{% endfor %}"
    "{% for content in message['content'] %}{% if content['type'] == 'text' %}{{ content['text'] + ' ' }}"
    "{% endif %}{% endfor %}{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
"""What llava-hf/llava-1.5-7b-hf brings, in the part of Jinja that the runtime reads, for one question."""
TOWERS = ("clip_vision_model", "pixtral")
DECODERS = ("llama", "mistral")
CLIP_SIDE = 336


class ClipVision(nn.Module):
    """`pixel_values` (n, 3, side, side) to `image_features` (n * tokens, width) through a CLIP tower."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.tower, self.projector = model.vision_tower, model.multi_modal_projector
        self.layer = model.config.vision_feature_layer
        self.first = 1 if model.config.vision_feature_select_strategy == "default" else 0

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return all images' features one after another."""
        seen = self.tower(pixel_values, output_hidden_states=True).hidden_states[self.layer]
        return self.projector(seen[:, self.first :]).flatten(0, 1)


class PixtralVision(nn.Module):
    """`pixel_values` (n, 3, side, side) to `image_features` (n * patches, width) through a Pixtral tower."""

    def __init__(self, model: Any, side: int) -> None:
        super().__init__()
        self.tower, self.projector = pixtral.Tower(model.vision_tower, side), model.multi_modal_projector

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return all images' features one after another."""
        return self.projector(self.tower(pixel_values)).flatten(0, 1)


def check(config: dict[str, Any]) -> None:
    """Refuse towers and decoders that no test has taken through."""
    tower = config.get("vision_config", {}).get("model_type", "clip_vision_model")
    decoder = config.get("text_config", {}).get("model_type", "llama")
    if tower not in TOWERS or decoder not in DECODERS:
        known = f"{', '.join(TOWERS)} with {', '.join(DECODERS)}"
        raise ExportError(f"this LLaVA has a {tower} tower and a {decoder} decoder; known are {known}")
    layer = config.get("vision_feature_layer", -2)
    if not isinstance(layer, int) or (tower == "pixtral" and layer != -1):
        raise ExportError(f"vision_feature_layer {layer} is not known here")


def take_apart(checkpoint: Checkpoint) -> Parts:
    """Return the model with its tower for images of one size."""
    from transformers import LlavaForConditionalGeneration

    whole = load_whole(LlavaForConditionalGeneration, checkpoint, attn_implementation="eager")
    side = _side(checkpoint)
    vision = PixtralVision(whole.model, side) if _is_pixtral(checkpoint) else ClipVision(whole.model)
    return seeing_parts(whole, vision, pixel_shape=(3, side, side))


def form(checkpoint: Checkpoint, parts: Parts) -> dict[str, Any]:
    """Return how an image is shown: CLIP its middle, Pixtral rows of patches with a mark after each."""
    config, side = checkpoint.config, _side(checkpoint)
    across = side // config["vision_config"].get("patch_size", 14 if not _is_pixtral(checkpoint) else 16)
    token = token_named(checkpoint, parts.image_token or 0)
    image = {"rows": side, "columns": side, "token": token, "tokens_per_image": across**2, "max_images": 4}
    if _is_pixtral(checkpoint):
        image |= pixtral.shown(across)
    else:
        image |= {"fit": "cover"}
        image["tokens_per_image"] += config.get("vision_feature_select_strategy") == "full"
    return seeing_form(parts, image | normalisation(checkpoint))


def pixels(checkpoint: Checkpoint, image: Image) -> NDArray[np.float32]:
    """Return what transformers' CLIP or Pixtral processor makes of an image."""
    if _is_pixtral(checkpoint):
        return pixtral.pixels(checkpoint, image, merge=1)
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    return processed(checkpoint, image, CLIPImageProcessorPil)


def _is_pixtral(checkpoint: Checkpoint) -> bool:
    return bool(checkpoint.config["vision_config"].get("model_type") == "pixtral")


def _side(checkpoint: Checkpoint) -> int:
    """Pixtral: the operator's size or the longest edge that the processor leaves; CLIP: what its tower was made for."""
    if not _is_pixtral(checkpoint):
        return int(checkpoint.config["vision_config"].get("image_size", CLIP_SIDE))
    return pixtral.side_of(checkpoint, merge=1)
