"""The engine for decoders that GenAI cannot express: plain ONNX Runtime, told who may see whom and where each stands.

Gemma 3 lets the tokens of one image see one another; Qwen2.5-VL counts positions in three directions. What a decoder is
told follows from the inputs that its graph has (`decoder.py`); `decoder` in preread.json says what those do not.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from llguidance import LLTokenizer
from numpy.typing import NDArray

from engine import answers
from engine.constraint import Constraint
from engine.contract import Request
from engine.decoder import Cache, Decoder
from engine.place import Place
from engine.words import Prompt

Tokens = NDArray[np.int64]


class Engine(answers.Engine):
    """One model in plain ONNX Runtime."""

    def _load(self, device: str) -> str:
        described = json.loads((self.folder.path / "genai_config.json").read_text(encoding="utf-8"))["model"]["decoder"]
        self._decoder = Decoder(self._session(described["filename"]), described, self._device)
        self._vision = self._session("vision.onnx") if self.folder.image else None
        # A look-up for each token: more threads would only wait for one another.
        self._embedding = Embedding(self._session("embedding.onnx", threads=1)) if self._decoder.embeds else None
        self._grammar = LLTokenizer(str(self.folder.path / "tokenizer.json"), eos_token=sorted(self._words.ends))
        self._adapters = {name: _parameters(one.file) for name, one in self.loaded.items()}
        return str(self._decoder.session.get_providers()[0])

    def _begin(self, prompt: Prompt, pixels: answers.Pixels | None, request: Request, limit: int) -> "Writing":
        constraint = Constraint(self._grammar, request.guidance) if request.guidance else None
        cache = Cache(self._decoder, self._adapters[request.adapter] if request.adapter else {})
        features = None
        if self._vision is not None and pixels is not None:
            (features,) = self._vision.run(["image_features"], {"pixel_values": pixels})
        image = self._words.token(self.folder.image.token) if self.folder.image else None
        place = Place(self._decoder, self.folder, prompt.tokens, image)
        return Writing(cache, place, self._embedding, constraint, prompt.tokens.astype(np.int64), features)


class Embedding:
    """The graph that gives tokens, and images at their places, as vectors."""

    def __init__(self, session: Any) -> None:
        self._session = session
        inputs = {given.name: given for given in session.get_inputs()}
        # A row for each image token: none of them in a prompt without images, and while an answer is written.
        width = inputs["image_features"].shape[-1] if "image_features" in inputs else 0
        self._nothing = {"image_features": np.zeros((0, width), np.float32)} if width else {}

    def run(self, tokens: Tokens, features: NDArray[Any] | None) -> NDArray[Any]:
        """Return the vectors (1, new, width) of `tokens` (new)."""
        images = self._nothing if features is None else {"image_features": features}
        return np.asarray(self._session.run(["inputs_embeds"], {"input_ids": tokens[None], **images})[0])


class Writing:
    """An answer in the decoder's loop: the prompt in one step, then token after token."""

    def __init__(
        self,
        cache: Cache,
        place: Place,
        embedding: Embedding | None,
        constraint: Constraint | None,
        tokens: Tokens,
        features: NDArray[Any] | None,
    ) -> None:
        """`tokens` (length) are the prompt's, `features` those of its images if it has any."""
        self._cache, self._place, self._embedding, self._constraint = cache, place, embedding, constraint
        self._tokens, self._features = tokens, features
        self._logits = np.zeros(0)

    def logits(self) -> NDArray[Any]:
        """Return the next token's logits (vocabulary), before any guidance; asked once for each token."""
        if self._embedding is None:
            given = {"input_ids": self._tokens[None]}
        else:
            given = {"inputs_embeds": self._embedding.run(self._tokens, self._features)}
        self._logits = self._cache.step({**given, **self._place.told(len(self._tokens))})
        return self._logits

    def choose(self) -> int:
        """Append the likeliest token that the guidance allows, and return it."""
        logits = self._logits
        if self._constraint:
            logits = np.where(self._constraint.allowed(len(logits)), logits, -np.inf)
        token = int(np.argmax(logits))
        if self._constraint:
            self._constraint.take(token)
        self._tokens, self._features = np.array([token], np.int64), None
        self._place.one_more()
        return token


def _parameters(adapter: Path) -> Mapping[str, Any]:
    """Return an adapter's weights as they are bound to the decoder's inputs of their names."""
    read: Mapping[str, Any] = ort.AdapterFormat.read_adapter(str(adapter)).get_parameters()
    return read
