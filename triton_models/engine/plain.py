"""The engine over plain ONNX Runtime: answers in a common batch, and decoders that GenAI cannot express.

Gemma 3 lets the tokens of one image see one another; Qwen2.5-VL counts positions in three directions. What a decoder is
told follows from the inputs that its graph has (`decoder.py`); `decoder` in preread.json says what those do not. Those
write each answer for itself. Decoders that only count what was before write all answers together (`rows.py`).
"""

import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engine import agreement, answers
from engine.alone import Alone
from engine.batch import Batch
from engine.contract import Request, Text
from engine.decoder import Cache, Decoder
from engine.place import Place
from engine.reading import Embedding, Reading, Tokens
from engine.room import Room
from engine.rows import Rows
from engine.words import Prompt


class Engine(answers.Engine):
    """One model in plain ONNX Runtime."""

    def _load(self, device: str) -> str:
        described = self._described["decoder"]
        self._decoder = Decoder(self._session(described["filename"]), described, self._device)
        self._vision = self._session("vision.onnx") if self.folder.image else None
        # A look-up for each token: more threads would only wait for one another.
        self._embedding = Embedding(self._session("embedding.onnx", threads=1)) if self._decoder.embeds else None
        self._adapters = {name: _parameters(one.file) for name, one in self.loaded.items()}
        self._batches: dict[str | None, Batch] = {}
        self._lock = threading.Lock()
        self.token_bytes = self._decoder.token_bytes
        self.together = self._together()
        return str(self._decoder.session.get_providers()[0])

    def _begin(self, prompt: Prompt, pixels: answers.Pixels | None, request: Request, limit: int) -> answers.Begun:
        features = None
        if self._vision is not None and pixels is not None:
            (features,) = self._vision.run(["image_features"], {"pixel_values": pixels})
        reading = self._reading(prompt.tokens.astype(np.int64), features, limit, request.adapter)
        return answers.Begun(self._batch(request.adapter), reading)

    def _reading(
        self,
        tokens: Tokens,
        features: NDArray[Any] | None,
        limit: int,
        adapter: str | None,
        *,
        piece: int | None = None,
    ) -> Reading:
        image = self._words.token(self.folder.image.token) if self.folder.image else None
        place = Place(self._decoder, self.folder, tokens, image)
        cache = Cache(self._decoder, self._parameters(adapter))
        return Reading(cache, place, self._embedding, tokens, features, limit, self.piece if piece is None else piece)

    def _parameters(self, adapter: str | None) -> Mapping[str, Any]:
        return self._adapters[adapter] if adapter else {}

    def _batch(self, adapter: str | None) -> Batch:
        """Return the batch of the answers with `adapter`: its weights are inputs, so others cannot be among them."""
        if not self.together:
            return self._batch_of(partial(Alone, self._room))
        with self._lock:
            if adapter not in self._batches:
                parameters = self._parameters(adapter)
                rows = partial(Rows, self._decoder, self._embedding, parameters, self._room)
                self._batches[adapter] = self._batch_of(rows)
            return self._batches[adapter]

    def _together(self) -> bool:
        """Whether the decoder writes several answers in one batch; tried with two of different lengths."""
        short = self._question
        both = short, np.tile(short, 3)
        prompts = [[self._reading(tokens, None, 2, None) for _ in range(2)] for tokens in both]
        return agreement.together(self._decoder, self._embedding, [(alone, among) for alone, among in prompts])

    def _goes_on(self) -> bool:
        tokens, room = np.tile(self._question, 3), Room()
        whole, parts = (self._reading(tokens, None, 2, None, piece=n) for n in (0, len(self._question) + 1))
        cache = Rows(self._decoder, self._embedding, {}, room) if self.together else Alone(room)
        return agreement.in_pieces(cache, whole, parts)

    @property
    def _question(self) -> Tokens:
        return self._words.prompt(Request(parts=(Text("?"),)), self.folder.image).tokens.astype(np.int64)


def _parameters(adapter: Path) -> Mapping[str, Any]:
    """Return an adapter's weights as they are bound to the decoder's inputs of their names."""
    read: Mapping[str, Any] = ort.AdapterFormat.read_adapter(str(adapter)).get_parameters()
    return read
