"""The engine over ONNX Runtime GenAI: its caches and positions, an answer in each of its generators.

A prompt of text is given to the generator piece by piece. GenAI's own pieces (`chunk_size`) are read behind one call,
which nobody can end; and 0.18 reads a prompt with images as a whole, whatever is asked of it.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import onnxruntime_genai as og
from numpy.typing import NDArray

from engine import agreement, answers
from engine import device as devices
from engine.alone import Alone
from engine.contract import Request, Text
from engine.folder import LONG_ROPE, ModelError
from engine.memory import cache_bytes
from engine.room import Room
from engine.sessions import PATIENCE
from engine.words import Prompt

Give = Callable[[Any], None]
"""Gives a generator a piece of its prompt."""


class Writing:
    """An answer in one of GenAI's generators, which is there from the first piece of its prompt on."""

    def __init__(self, generator: Callable[[], Any], prompt: Sequence[Give], longest: int) -> None:
        """`prompt` are its pieces; `longest` tokens the prompt and its answer, at most."""
        self._new, self._prompt, self.longest = generator, list(prompt), longest
        self._generator: Any = None

    def read(self) -> NDArray[Any] | None:
        """Read a piece of the prompt; after the last one return the logits of the first token (vocabulary)."""
        if self._generator is None:
            self._generator = self._new()
        self._prompt.pop(0)(self._generator)
        return None if self._prompt else self._logits()

    def step(self, token: int) -> NDArray[Any]:
        """Append a token; return the next one's logits (vocabulary)."""
        self._generator.append_tokens(np.array([token], np.int32))
        return self._logits()

    def _logits(self) -> NDArray[Any]:
        return np.asarray(self._generator.get_logits()).reshape(-1)


class Engine(answers.Engine):
    """One model in ONNX Runtime GenAI."""

    def _load(self, device: str) -> str:
        found = self.loaded
        if found and self.folder.image:
            # The runtime (0.18) takes an adapter for a model with images and then runs the decoder without it.
            raise ModelError(
                f"has adapters ({', '.join(found)}), which this runtime applies to models of text only: "
                "have the model served by the plain engine"
            )
        self._model = og.Model(self._config(device))
        self._adapters = og.Adapters(self._model) if found else None
        for name, one in found.items():
            self._adapters.load(str(one.file), name)
        self.token_bytes = cache_bytes(self._described)
        return devices.provider(str(self._model.device_type))

    def _config(self, device: str) -> Any:
        config = og.Config(str(self.folder.path))
        if device:  # an overlay of provider_options is taken without a word, and runs on the CPU
            config.clear_providers()
            if device != "cpu":
                config.append_provider(device)
        # Without a thread count the runtime has been seen to use one thread.
        options = {"session_options": {"intra_op_num_threads": self._threads, **PATIENCE}}
        config.overlay(json.dumps({"model": {"decoder": options}}))
        return config

    def _begin(self, prompt: Prompt, pixels: answers.Pixels | None, request: Request, limit: int) -> answers.Begun:
        image, tokens = self.folder.image, prompt.tokens
        if pixels is None or image is None:
            given = _pieces(tokens, self.piece or len(tokens))
        else:
            inputs = og.NamedTensors()
            inputs["input_ids"] = tokens[None]
            inputs["pixel_values"] = pixels
            inputs["num_image_tokens"] = np.array([image.tokens_per_image * len(pixels)], np.int64)
            given = [lambda generator: generator.set_inputs(inputs)]
        longest = len(tokens) + limit
        writing = Writing(partial(self._generator, longest, request.adapter), given, longest)
        return answers.Begun(self._batch_of(partial(Alone, self._room)), writing)

    def _generator(self, longest: int, adapter: str | None) -> Any:
        params = og.GeneratorParams(self._model)
        params.set_search_options(max_length=longest, do_sample=False)
        generator = og.Generator(self._model, params)
        if adapter is not None:
            generator.set_active_adapter(self._adapters, adapter)
        return generator

    def _goes_on(self) -> bool:
        # Where positions turn otherwise in a long context (LongRoPE), a prompt says at its beginning how long it is.
        if self.folder.image or self._described["type"].startswith(LONG_ROPE):
            return False
        question = self._words.prompt(Request(parts=(Text("?"),)), None).tokens
        tokens, longest = np.tile(question, 3), 3 * len(question) + 2
        whole, parts = (
            Writing(partial(self._generator, longest, None), _pieces(tokens, piece), longest)
            for piece in (len(tokens), len(question) + 1)
        )
        return agreement.in_pieces(Alone(Room()), whole, parts)


def _pieces(tokens: NDArray[np.int32], piece: int) -> list[Give]:
    parts = (tokens[at : at + piece] for at in range(0, len(tokens), piece))
    return [partial(_append, part) for part in parts]


def _append(tokens: NDArray[np.int32], generator: Any) -> None:
    generator.append_tokens(tokens)
