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

    def until(self, past: int, most: int) -> int:
        """Return where a piece of the prompt ends that begins at `past`: after `most` tokens, or a little later.

        Where the tokens of an image see one another, no piece ends among them.
        """
        end = min(past + most, len(self._blocks))
        while 0 < end < len(self._blocks) and self._blocks[end] and self._blocks[end] == self._blocks[end - 1]:
            end += 1
        return end

    def told(self, past: int, until: int) -> dict[str, NDArray[Any]]:
        """Return what the decoder is told of the tokens `past`..`until` besides what they are."""
        told: dict[str, NDArray[Any]] = {}
        for name, window in (("attention_mask", 0), ("sliding_attention_mask", self._form.sliding_window)):
            if (rank := self._decoder.rank(name)) == 4:
                told[name] = positions.may_see(self._blocks[:until], past, window=window)[None, None]
            elif rank:
                told[name] = np.ones((1, until), np.int64)
        if rank := self._decoder.rank("position_ids"):
            told["position_ids"] = self._at[:, None, past:until] if rank == 3 else self._at[:, past:until]
        return told
