"""What a decoder is told of the tokens besides what they are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import positions
from engine.decoder import Decoder
from engine.folder import ModelFolder


class Place:
    """Where the tokens of one answer stand and what they may see, as far as its decoder wants to be told."""

    def __init__(self, decoder: Decoder, folder: ModelFolder, tokens: NDArray[np.integer], image: int | None) -> None:
        """Begin with the prompt's `tokens`; `image` is the token that stands for images."""
        self._decoder = decoder
        self._form = folder.decoder
        blocks = positions.blocks(tokens, image)
        if decoder.rank("position_ids") == 3:
            self._at = positions.in_space(blocks, folder.image.grid if folder.image else None)
        else:
            self._at = positions.in_line(len(blocks))[None]
        self._blocks = blocks if folder.decoder.image_attention == "bidirectional" else np.zeros_like(blocks)

    def one_more(self) -> None:
        """Go on by one word."""
        self._blocks = np.append(self._blocks, 0)
        self._at = np.append(self._at, np.full((len(self._at), 1), self._at.max() + 1), axis=1)

    def told(self, new: int) -> dict[str, NDArray[Any]]:
        """Return what the decoder is told of the last `new` tokens besides what they are."""
        past = len(self._blocks) - new
        told: dict[str, NDArray[Any]] = {}
        for name, window in (("attention_mask", 0), ("sliding_attention_mask", self._form.sliding_window)):
            if (rank := self._decoder.rank(name)) == 4:
                told[name] = positions.may_see(self._blocks, past, window=window)[None, None]
            elif rank:
                told[name] = np.ones((1, len(self._blocks)), np.int64)
        if rank := self._decoder.rank("position_ids"):
            told["position_ids"] = self._at[:, None, past:] if rank == 3 else self._at[:, past:]
        return told
