"""The engine for decoders that ONNX Runtime GenAI can run: its generators, caches and guidance."""

import json
from typing import Any

import numpy as np
import onnxruntime_genai as og
from numpy.typing import NDArray

from engine import answers
from engine import device as devices
from engine.contract import ContractError, Request
from engine.folder import ModelError
from engine.guidance import tight
from engine.sessions import PATIENCE
from engine.words import Prompt


class Writing:
    """An answer in one of GenAI's generators."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator

    def logits(self) -> NDArray[Any]:
        """Return the next token's logits (vocabulary), before any guidance."""
        return np.asarray(self._generator.get_logits())

    def choose(self) -> int:
        """Append the likeliest token that the guidance allows, and return it."""
        self._generator.generate_next_token()
        return int(self._generator.get_next_tokens()[0])


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

    def _begin(self, prompt: Prompt, pixels: answers.Pixels | None, request: Request, limit: int) -> Writing:
        generator = self._generator(request, len(prompt.tokens) + limit)
        if request.adapter is not None:
            generator.set_active_adapter(self._adapters, request.adapter)
        if pixels is None or self.folder.image is None:
            generator.append_tokens(prompt.tokens)
            return Writing(generator)
        inputs = og.NamedTensors()
        inputs["input_ids"] = prompt.tokens[None]
        inputs["pixel_values"] = pixels
        inputs["num_image_tokens"] = np.array([self.folder.image.tokens_per_image * len(pixels)], np.int64)
        generator.set_inputs(inputs)
        return Writing(generator)

    def _generator(self, request: Request, most: int) -> Any:
        params = og.GeneratorParams(self._model)
        params.set_search_options(max_length=most, do_sample=False)
        try:
            if request.guidance is not None:
                params.set_guidance(request.guidance.kind, tight(request.guidance))
            return og.Generator(self._model, params)
        except Exception as e:  # the runtime's own kinds; without guidance the fault is not the client's
            if request.guidance is None:
                raise
            raise ContractError(f"guidance refused: {e}") from e
