"""The networks: an image encoder with slots, a small Llama decoder, and the judge of the domain.

Shapes: `pixels` is (n, 1, SIDE, SIDE), normalised as the model folder says; features are (n, TOKENS, WIDTH).
"""

import math
from itertools import pairwise

import slots
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

SIDE = 160
GRID = SIDE // 8
"""Cells of the fine grid along each axis; the coarse one has half as many."""
FINE = 96
FREE = 4
"""Image tokens that may hold what they like; they are told the view."""
TOKENS = len(slots.NAMES) + FREE + len(slots.NUMBERS)
"""Image tokens: one per slot, the free ones, and one per number, as words have one each."""
WIDTH = 160
HEADS = 4
LAYERS = 4
CONTEXT = 1024
MEAN, STD = 0.45, 0.28
"""Of grey values 0..1; the model folder carries them."""
SAID = 1 + 4 + 3 + len(slots.PLACES) + 1
"""Numbers per slot: presence, box, severity, place, millimetres."""
TOLD = 1 + 3 + len(slots.PLACES)
"""Numbers per slot that its own token is told: presence, severity, place."""
WAVES = 16
"""Lengths of the waves that a number is written in: sines and cosines of all fit one attention head."""


def convolution(before: int, after: int, stride: int, kernel: int = 3) -> nn.Sequential:
    """Return a convolution with its norm and activation."""
    layer = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two convolutions beside a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels, 1)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, grid: Tensor) -> Tensor:
        """Return (n, channels, rows, columns)."""
        return F.relu(grid + self.second(self.first(grid)))


class Projector(nn.Module):
    """From what the slots hold to what the decoder reads: a token per slot, the free ones, and a token per number.

    A number is written as the embeddings of the number tokens begin (`tokens.order_numbers`), so that the decoder need
    only copy it. Of a finding that is not there nothing is said.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rest = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH))
        self.told = nn.Linear(TOLD, WIDTH)
        self.view = nn.Linear(len(slots.VIEWS), WIDTH)
        self.which = nn.Parameter(torch.randn(1, TOKENS, WIDTH))

    def forward(self, seen: Tensor, said: Tensor, view: Tensor) -> Tensor:
        """Return (n, TOKENS, WIDTH)."""
        present = said[..., 0:1].sigmoid()
        severity, place = said[..., 5:8].softmax(-1), said[..., 8:-1].softmax(-1)
        told = self.told(torch.cat([torch.ones_like(present), severity, place], -1) * present)
        free = self.view(view.softmax(-1))[:, None].expand(-1, FREE, -1)
        words = 0.3 * self.rest(seen) + torch.cat([told, free], 1)
        numbers = waves(measured(said)) * present[:, [slot for slot, _ in slots.NUMBERS]]
        return torch.cat([words, numbers], 1) + self.which


def measured(said: Tensor) -> Tensor:
    """Return slots.NUMBERS (n, numbers): the first and the last bin of boxes along both axes, and millimetres."""
    middle, size = said[..., 1:3].sigmoid(), said[..., 3:5].sigmoid()
    ends = [(middle - size / 2) * SIDE, (middle + size / 2) * SIDE - 1, said[..., -1:] * slots.MM]
    every = torch.cat(ends, -1)
    return torch.stack([every[:, slot, which] for slot, which in slots.NUMBERS], 1)


def waves(numbers: Tensor) -> Tensor:
    """Return numbers (...) as waves of WAVES lengths (..., WIDTH), repeated until the width is full."""
    lengths = torch.exp(torch.linspace(math.log(4.0), math.log(640.0), WAVES))
    angle = numbers[..., None] * (2 * math.pi / lengths)
    return torch.cat([angle.sin(), angle.cos()], -1).repeat(*[1] * numbers.dim(), WIDTH // (2 * WAVES))


class Encoder(nn.Module):
    """Convolutions, a coarse and a fine grid, on it one map per slot of where its finding is, and the slots.

    A slot gathers what lies where its map is bright, and the map's profile along both axes, from which a box is read.
    """

    def __init__(self) -> None:
        super().__init__()
        count = len(slots.NAMES)
        # A quarter of the size at once: what is lost per pixel is kept in channels, and the machine is spared.
        self.fine = nn.Sequential(convolution(1, 32, 4, kernel=7), Residual(32), convolution(32, 64, 2), Residual(64))
        self.coarse = nn.Sequential(convolution(64, WIDTH, 2), convolution(WIDTH, WIDTH, 1))
        self.place = nn.Parameter(torch.randn(1, WIDTH, GRID // 2, GRID // 2) * 0.02)
        self.down = nn.Conv2d(WIDTH, FINE, 1)
        self.across = nn.Conv2d(64, FINE, 1)
        self.fuse = convolution(FINE, FINE, 1)
        self.map = nn.Conv2d(FINE, count, 1)
        self.profile = nn.Linear(2 * GRID, WIDTH)
        self.detail = nn.Linear(FINE, WIDTH)
        self.context = nn.Linear(WIDTH, WIDTH)
        self.free = nn.Linear(WIDTH, FREE * WIDTH)
        self.slot = nn.Parameter(torch.randn(1, count + FREE, WIDTH) * 0.3)
        self.block = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, F.gelu, batch_first=True, norm_first=True)
        self.projector = Projector()

    def look(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps (n, slots, GRID, GRID) before the sigmoid, and slots and free (n, slots + FREE, WIDTH)."""
        fine = self.fine(pixels)
        coarse = self.coarse(fine) + self.place
        grid = self.fuse(self.across(fine) + F.interpolate(self.down(coarse), scale_factor=2.0))
        maps = self.map(grid)
        weight = maps.flatten(2).float().softmax(-1)
        bright = torch.sigmoid(maps)
        profile = self.profile(torch.cat([bright.amax(2), bright.amax(3)], -1))
        whole = coarse.mean((2, 3))
        gathered = profile + self.detail(weight.to(grid.dtype) @ grid.flatten(2).transpose(1, 2))
        gathered = gathered + self.context(whole)[:, None]
        free = self.free(whole).reshape(-1, FREE, WIDTH)
        return maps, self.block(torch.cat([gathered, free], 1) + self.slot)


class Heads(nn.Module):
    """Names directly what the slots hold."""

    def __init__(self) -> None:
        super().__init__()
        count = len(slots.NAMES)
        self.norm = nn.LayerNorm(WIDTH)
        self.hidden = nn.Linear(WIDTH, WIDTH)
        self.weight = nn.Parameter(torch.randn(count, WIDTH, SAID) * 0.02)
        self.bias = nn.Parameter(torch.zeros(count, SAID))
        self.view = nn.Linear(WIDTH, len(slots.VIEWS))

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        """Return what each slot says (n, slots, SAID), and the view (n, views)."""
        seen = self.norm(seen)
        count = len(self.weight)
        own = seen[:, :count] + F.gelu(self.hidden(seen[:, :count]))
        return torch.einsum("nsw,swk->nsk", own, self.weight) + self.bias, self.view(seen[:, count])


class Domain(nn.Module):
    """Says of each picture how much it looks like a phantom of this recipe, 0..1."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for at, (before, after) in enumerate(pairwise([1, 12, 24, 48, 64])):
            layers += [convolution(before, after, 2), *([convolution(after, after, 1)] if at else [])]
        self.convolutions = nn.Sequential(*layers)
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
            num_hidden_layers=LAYERS,
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

    def __init__(self, vocabulary: int, image_token: int) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.heads = Heads()
        self.decoder = decoder(vocabulary)
        self.image_token = image_token

    def project(self, seen: Tensor) -> Tensor:
        """Return slots (n, slots + FREE, WIDTH) as image tokens (n, TOKENS, WIDTH) in the decoder's space."""
        said, view = self.heads(seen)
        return self.encoder.projector(seen, said, view)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the image tokens of pictures, (n, TOKENS, WIDTH), in the decoder's space."""
        return self.project(self.encoder.look(pixels)[1])

    def embeddings(self, tokens: Tensor, projected: Tensor) -> Tensor:
        """Return the embeddings of `tokens` (n, length), the image tokens replaced by `projected` in order."""
        words = self.decoder.model.embed_tokens(tokens)
        return words.masked_scatter((tokens == self.image_token)[..., None], projected.to(words.dtype))
