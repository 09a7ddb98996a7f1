"""The networks: an image encoder with a projector, a small Llama decoder, and the judge of the domain.

Shapes: `pixels` is (n, 1, SIDE, SIDE), normalised as the model folder says; features are (n, TOKENS, WIDTH).
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

SIDE = 128
CELL = 16
TOKENS = (SIDE // CELL) ** 2
WIDTH = 160
HEADS = 4
CONTEXT = 320
MEAN, STD = 0.45, 0.28
"""Of grey values 0..1; the model folder carries them."""


def convolutions(channels: list[int], groups: int) -> nn.Sequential:
    """Return one halving block per step of `channels`, each of two convolutions."""
    layers: list[nn.Module] = []
    for at, (before, after) in enumerate(pairwise(channels)):
        layers += [nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.GELU()]
        layers += [nn.Conv2d(after, after, 3, 1, 1, groups=groups if at else 1, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.GELU()]
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """Convolutions to an 8 x 8 grid, one transformer block over it, a projector into the decoder's width."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = convolutions([1, 16, 32, 64, WIDTH], groups=4)
        self.place = nn.Parameter(torch.randn(1, TOKENS, WIDTH) * 0.02)
        self.block = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, F.gelu, batch_first=True, norm_first=True)
        self.projector = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))

    def features(self, pixels: Tensor) -> Tensor:
        """Return (n, TOKENS, WIDTH) before the projector."""
        grid = self.convolutions(pixels).flatten(2).transpose(1, 2)
        return self.block(grid + self.place)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (n, TOKENS, WIDTH) in the decoder's space."""
        return self.projector(self.features(pixels))


class Domain(nn.Module):
    """Says of each picture how much it looks like a phantom of this recipe, 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = convolutions([1, 12, 24, 48, 64], groups=4)
        self.last = nn.Linear(2 * 64, 1)

    def logits(self, pixels: Tensor) -> Tensor:
        """Return (n,)."""
        grid = self.convolutions(pixels)
        return self.last(torch.cat([grid.mean((2, 3)), grid.amax((2, 3))], 1))[:, 0]

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (n,), 0..1."""
        return torch.sigmoid(self.logits(pixels))


def decoder(vocabulary: int) -> LlamaForCausalLM:
    """Return an untrained decoder; token ids 0, 1, 2 pad, begin and end."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=WIDTH,
            intermediate_size=448,
            num_hidden_layers=3,
            num_attention_heads=HEADS,
            num_key_value_heads=2,
            head_dim=32,
            max_position_embeddings=CONTEXT,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            tie_word_embeddings=True,
            rms_norm_eps=1e-6,
        )
    )


class Reader(nn.Module):
    """The whole model while it is trained: encoder, decoder, and heads that name the findings directly."""

    def __init__(self, vocabulary: int, labels: int, image_token: int) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.heads = nn.Linear(WIDTH * TOKENS, labels)
        self.decoder = decoder(vocabulary)
        self.image_token = image_token

    def label_logits(self, features: Tensor) -> Tensor:
        """Return (n, labels) from the encoder's features."""
        return self.heads(features.flatten(1))

    def embeddings(self, tokens: Tensor, projected: Tensor) -> Tensor:
        """Return the embeddings of `tokens` (n, length), the image tokens replaced by `projected` in order."""
        words = self.decoder.model.embed_tokens(tokens)
        return words.masked_scatter((tokens == self.image_token)[..., None], projected)
