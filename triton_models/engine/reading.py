"""What the plain engine keeps of one answer: its cache, where its tokens stand, and how they become vectors."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

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


class Keeps(Protocol):
    """Where the keys and values of an answer go."""

    def step(self, given: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Run the graph on the new tokens and return the last one's logits (vocabulary)."""
        ...


class Reading:
    """A prompt and the answer to it, in the decoder's loop: the prompt piece by piece, then token after token."""

    def __init__(
        self,
        cache: Keeps,
        place: Place,
        embedding: Embedding | None,
        tokens: Tokens,
        features: NDArray[Any] | None,
        limit: int,
        piece: int = 0,
    ) -> None:
        """`tokens` (length) are the prompt's, `features` those of its images; at most `limit` tokens follow.

        The prompt is read in pieces of so many tokens, or as a whole where `piece` is 0.
        """
        self._cache, self._place, self._embedding = cache, place, embedding
        self._tokens, self._features = tokens, features
        self._vectors: NDArray[Any] | None = None
        self._piece = piece or len(tokens)
        self.longest = len(tokens) + limit
        """Tokens of prompt and answer, at most."""
        self.at = 0
        """Tokens of the prompt that are read."""

    def read(self, keeps: Keeps | None = None) -> NDArray[Any] | None:
        """Read a piece of the prompt; return the logits of the first token (vocabulary) after the last one.

        Keys and values go to `keeps`, or into the cache that this answer has for itself.
        """
        past, self.at = self.at, self._place.until(self.at, self._piece)
        if self._embedding is None:
            given = {"input_ids": self._tokens[None, past : self.at]}
        else:
            if self._vectors is None:
                self._vectors = self._embedding.run(self._tokens, self._features)
            given = {"inputs_embeds": self._vectors[:, past : self.at]}
        logits = (keeps or self._cache).step({**given, **self._place.told(past, self.at)})
        if self.at < len(self._tokens):
            return None
        self._vectors = self._features = None
        return logits

    def step(self, token: int) -> NDArray[Any]:
        """Append a token; return the next one's logits (vocabulary)."""
        self._place.one_more()
        past, self.at = self.at, self.at + 1
        new = np.array([token], np.int64)
        name, value = ("inputs_embeds", self._embedding.run(new, None)) if self._embedding else ("input_ids", new[None])
        return self._cache.step({name: value, **self._place.told(past, self.at)})
