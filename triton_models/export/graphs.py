"""The graphs that are ours: what makes features of images, and what puts them among the words."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from export.family import Parts

OPSET = 18


class Embedding(nn.Module):
    """`input_ids` (1, length) and `image_features` (rows, width) to `inputs_embeds` (1, length, width)."""

    def __init__(self, table: nn.Module, image_token: int) -> None:
        super().__init__()
        self.table = table
        self.image_token = image_token

    def forward(self, input_ids: Tensor, image_features: Tensor) -> Tensor:
        """Return the words' embeddings, the image tokens replaced in order; one that the model writes is a word."""
        words = self.table(input_ids)
        image = input_ids == self.image_token
        place = (image.long().flatten().cumsum(0).reshape(image.shape) - 1).clamp(min=0)
        shown = image & (place < image_features.shape[0])
        # One row of zeros, so that a prompt without images has a row to point at.
        rows = torch.cat([image_features, torch.zeros(1, words.shape[-1])], 0)
        return torch.where(shown[..., None], rows[place.clamp(max=image_features.shape[0])], words)


def write_graphs(parts: Parts, out: Path) -> None:
    """Write vision.onnx and embedding.onnx of a model with images."""
    if parts.vision is None or parts.image_token is None:
        return
    torch.backends.mha.set_fastpath_enabled(False)
    images, rows, words = {0: "images"}, {0: "image_tokens"}, {0: "batch", 1: "length"}
    pixels = torch.randn(2, *parts.pixel_shape)
    axes: dict[str, Any] = {"pixel_values": images, "image_features": rows}
    write_graph(parts.vision, (pixels,), out / "vision.onnx", axes)
    embedding = Embedding(parts.decoder.get_input_embeddings(), parts.image_token)
    given = (
        torch.tensor([[1, parts.image_token, parts.image_token, 2]]),
        torch.randn(2, parts.decoder.config.hidden_size),
    )
    axes = {"input_ids": words, "image_features": rows, "inputs_embeds": words}
    write_graph(embedding, given, out / "embedding.onnx", axes)


def write_graph(module: nn.Module, given: tuple[Tensor, ...], file: Path, axes: dict[str, Any]) -> None:
    """Export `module`; the axes' names are its inputs in order and then its output."""
    names = list(axes)
    torch.onnx.export(
        module.eval(),
        given,
        str(file),
        input_names=names[: len(given)],
        output_names=names[len(given) :],
        dynamic_axes=axes,
        opset_version=OPSET,
        dynamo=False,
    )
