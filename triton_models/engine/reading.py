"""What the plain engine keeps of one answer: its cache, where its tokens stand, and how they become vectors."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.decoder import Cache
from engine.place import Place

Tokens = NDArray[np.int64]


class Embedding:
    """The graph that gives tokens, and images at their places, as vectors."""

    def __init__(self, session: Any) -> None:
        """`session` has `input_ids` and, for a model with images, `image_features`."""
        self._session = session
        inputs = {given.name: given for given in session.get_inputs()}
        # A row for each image token: none of them in a prompt without images, and while an answer is written.
        width = inputs["image_features"].shape[-1] if "image_features" in inputs else 0
        self._nothing = {"image_features": np.zeros((0, width), np.float32)} if width else {}

    def run(self, tokens: Tokens, features: NDArray[Any] | None) -> NDArray[Any]:
        """Return the vectors (1, new, width) of `tokens` (new)."""
        images = self._nothing if features is None else {"image_features": features}
        return np.asarray(self._session.run(["inputs_embeds"], {"input_ids": tokens[None], **images})[0])

    def bound(self, tokens: Tokens, vectors: NDArray[Any]) -> Callable[[], None]:
        """Return what puts the vectors of `tokens` (1, answers), no images, into `vectors` (1, answers, width)."""
        binding = self._session.io_binding()
        for name, value in {"input_ids": tokens, **self._nothing}.items():
            binding.bind_input(name, "cpu", 0, value.dtype, value.shape, value.ctypes.data)
        binding.bind_output("inputs_embeds", "cpu", 0, vectors.dtype, vectors.shape, vectors.ctypes.data)
        return lambda: self._session.run_with_iobinding(binding)


class Reading:
    """A prompt and the answer to it, in the decoder's loop: the prompt in one step, then token after token."""

    def __init__(
        self,
        cache: Cache,
        place: Place,
        embedding: Embedding | None,
        tokens: Tokens,
        features: NDArray[Any] | None,
        limit: int,
    ) -> None:
        """`tokens` (length) are the prompt's, `features` those of its images; at most `limit` tokens follow."""
        self._cache, self._place, self._embedding = cache, place, embedding
        self._tokens, self._features = tokens, features
        self.length = len(tokens)
        self.longest = len(tokens) + limit

    def read(self) -> NDArray[Any]:
        """Read the prompt; return the logits of the first token (vocabulary)."""
        return self._run(self._tokens, self._features)

    def step(self, token: int) -> NDArray[Any]:
        """Append a token; return the next one's logits (vocabulary)."""
        self._place.one_more()
        return self._run(np.array([token], np.int64), None)

    def kept(self) -> list[NDArray[Any]]:
        """Return the keys and values of what was read, each (1, heads, tokens, size)."""
        return self._cache.kept()

    def _run(self, tokens: Tokens, features: NDArray[Any] | None) -> NDArray[Any]:
        if self._embedding is None:
            given = {"input_ids": tokens[None]}
        else:
            given = {"inputs_embeds": self._embedding.run(tokens, features)}
        return self._cache.step({**given, **self._place.told(len(tokens))})
