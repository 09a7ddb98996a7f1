"""The engine over ONNX Runtime GenAI: its caches and positions, an answer in each of its generators."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import onnxruntime_genai as og
from numpy.typing import NDArray

from engine import answers
from engine import device as devices
from engine.batch import Alone, Batch
from engine.contract import Request
from engine.folder import ModelError
from engine.sessions import PATIENCE
from engine.words import Prompt


class Writing:
    """An answer in one of GenAI's generators."""

    def __init__(self, generator: Any, read: Callable[[], None]) -> None:
        """`read` gives the generator its prompt."""
        self._generator, self._read = generator, read

    def read(self) -> NDArray[Any]:
        """Read the prompt; return the logits of the first token (vocabulary)."""
        self._read()
        return self._logits()

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
        params = og.GeneratorParams(self._model)
        params.set_search_options(max_length=len(prompt.tokens) + limit, do_sample=False)
        generator = og.Generator(self._model, params)
        if request.adapter is not None:
            generator.set_active_adapter(self._adapters, request.adapter)
        if pixels is None or self.folder.image is None:
            read = partial(generator.append_tokens, prompt.tokens)
            return answers.Begun(Batch(Alone), Writing(generator, read))
        inputs = og.NamedTensors()
        inputs["input_ids"] = prompt.tokens[None]
        inputs["pixel_values"] = pixels
        inputs["num_image_tokens"] = np.array([self.folder.image.tokens_per_image * len(pixels)], np.int64)
        return answers.Begun(Batch(Alone), Writing(generator, partial(generator.set_inputs, inputs)))
