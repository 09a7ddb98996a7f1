"""The engine for models that write text: ONNX Runtime GenAI over one model folder.

    pixels -> letterbox -> pixel_values -> domain.onnx -> outside: one answer without text
                                        -> vision.onnx -> embedding.onnx -> decoder, token by token

Greedy, streamed, with the log-probability of each token. The engine is safe to call from several threads:
each answer has its own generator over the one loaded model.
"""

import hashlib
import json
import math
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # GenAI's wheels send telemetry from their first import on

import numpy as np
import onnxruntime as ort
import onnxruntime_genai as og
from numpy.typing import NDArray

from engine import contract, memory
from engine.contract import Chunk, ContractError, Guidance, ImageRef, Request, Tensors
from engine.folder import ModelError, ModelFolder, adapters, digest_of_file, pixel_values, read_folder
from engine.turns import Stop, never

PROVIDERS = {"CPU": "CPUExecutionProvider", "CUDA": "CUDAExecutionProvider"}
NO_TOKENS = np.zeros(0, np.int32)


class Engine:
    """One loaded model."""

    def __init__(self, folder: ModelFolder, *, threads: int) -> None:
        """Load `folder`; `threads` per answer. Raises ModelError."""
        self.folder = folder
        before_mb = memory.resident_mb()
        try:
            self._model = og.Model(_config(folder.path, threads))
            self._tokenizer = og.Tokenizer(self._model)
            self._domain = _domain(folder, threads)
            self._adapters, self._adapter_digests = _adapters(self._model, folder)
        except Exception as e:  # both runtimes raise their own kinds, RuntimeError among them
            raise ModelError(f"{folder.name}: could not be loaded: {e}") from e
        memory.check(folder.name, folder.memory_mb, since_mb=before_mb)
        self._ends = frozenset(int(token) for token in self._tokenizer.eos_token_ids)
        self._specials = _specials(folder.path)
        device = str(self._model.device_type)
        self.execution_provider = PROVIDERS.get(device, device)

    @classmethod
    def load(cls, model: Path, *, threads: int | None = None) -> "Engine":
        """Return the engine of the model folder `model`, with as many threads as this process may use cores."""
        return cls(read_folder(model), threads=threads or len(os.sched_getaffinity(0)))

    def identity(self) -> dict[str, Any]:
        """Return what a client may want to know before it asks."""
        return {
            "model": self.folder.name,
            "version": self.folder.version,
            "digest": self.folder.digest,
            "execution_provider": self.execution_provider,
        }

    def parse(self, tensors: Tensors) -> Request:
        """Return the request in `tensors`; raises ContractError."""
        return contract.parse(tensors)

    def encode(self, chunk: Chunk) -> dict[str, NDArray[Any]]:
        """Return the tensors of one response."""
        return contract.encode_chunk(chunk)

    def generate(self, request: Request, stop: Stop = never) -> Iterator[Chunk]:
        """Yield the answer in pieces; the last one has `finish`. Raises ContractError, and ModelError mid-way.

        `stop` is asked before anything is done, and before each token.
        """
        if finish := stop():
            yield Chunk("", finish=finish, usage=self._usage(request, "", 0, 0, None))
            return
        pixels = self._pixels(request)
        score = self._domain_score(pixels)
        if self.folder.domain and score is not None and score < self.folder.domain.threshold:
            yield Chunk("", finish="outside_domain", usage=self._usage(request, "", 0, 0, score))
            return
        asked = self._asked(request)
        tokens = np.concatenate([self._encode(asked), self._encode(self._begun(request))])
        limit = self._limit(request, len(tokens))
        generator = self._generator(tokens, pixels, request, limit)
        finish, count, left = yield from self._write(generator, request, limit, stop)
        yield Chunk("", left, finish, self._usage(request, asked, len(tokens), count, score))

    def _write(
        self, generator: Any, request: Request, limit: int, stop: Stop
    ) -> Generator[Chunk, None, tuple[str, int, tuple[float, ...]]]:
        """Yield what is written; returns why it ended, how many tokens it took, and those that make no character."""
        words = self._tokenizer.create_stream()
        # A prefix is given to the model without its last blanks, so the answer begins with them.
        strip = request.prefix != request.prefix.rstrip()
        waiting: list[float] = []
        for count in range(limit):
            if why := stop():
                return why, count, tuple(waiting)
            token, logprob = self._next(generator)
            waiting.append(logprob)
            if token in self._ends:
                return "stop", count + 1, tuple(waiting)
            text = words.decode(token)
            if strip and text:
                text, strip = text.lstrip(), False
            if text:
                yield Chunk(text, tuple(waiting))
                waiting.clear()
            if generator.is_done():
                return "length", count + 1, tuple(waiting)
        return "length", limit, tuple(waiting)

    def _pixels(self, request: Request) -> NDArray[np.float32] | None:
        form = self.folder.image
        most = form.max_images if form else 0
        if len(request.images) > most:
            raise ContractError(f"{len(request.images)} images sent, {self.folder.name} reads at most {most}")
        order = [part.index for part in request.parts if isinstance(part, ImageRef)]
        return pixel_values([request.images[index] for index in order], form) if form and order else None

    def _domain_score(self, pixels: NDArray[np.float32] | None) -> float | None:
        """Return the score of the image that fits least, 0..1, or None where there is nothing to score."""
        if self._domain is None or pixels is None:
            return None
        (scores,) = self._domain.run(["domain_score"], {"pixel_values": pixels})
        return float(np.min(scores))

    def _asked(self, request: Request) -> str:
        """Return the prompt as the chat template writes it."""
        form = self.folder.image
        content = ""
        for part in request.parts:
            if isinstance(part, ImageRef) and form:
                content += form.token * form.tokens_per_image
            elif not isinstance(part, ImageRef):
                content += self._harmless(part.text)
        message = json.dumps([{"role": "user", "content": content}])
        return str(self._tokenizer.apply_chat_template(message, add_generation_prompt=True))

    def _begun(self, request: Request) -> str:
        """Return the beginning of the answer as the model is given it."""
        return self._harmless(request.prefix).rstrip()

    def _encode(self, text: str) -> NDArray[np.int32]:
        return np.asarray(self._tokenizer.encode(text), np.int32) if text else NO_TOKENS

    def _harmless(self, text: str) -> str:
        """Refuse words that the tokenizer would read as its own marks: they would forge turns or images."""
        for special in self._specials:
            if special in text:
                raise ContractError(f"the text contains the token {special}")
        return text

    def _limit(self, request: Request, prompt: int) -> int:
        room = self.folder.context_tokens - prompt
        if room < 1:
            raise ContractError(f"the prompt has {prompt} tokens, the model takes {self.folder.context_tokens}")
        return min(request.max_tokens or self.folder.default_max_tokens, room)

    def _generator(
        self,
        tokens: NDArray[np.int32],
        pixels: NDArray[np.float32] | None,
        request: Request,
        limit: int,
    ) -> Any:
        guidance = request.guidance
        if request.adapter is not None and request.adapter not in self._adapter_digests:
            known = ", ".join(self._adapter_digests) or "none"
            raise ContractError(f"{self.folder.name} has no adapter {request.adapter!r}; it has {known}")
        params = og.GeneratorParams(self._model)
        params.set_search_options(max_length=len(tokens) + limit, do_sample=False)
        try:
            if guidance is not None:
                params.set_guidance(guidance.kind, _tight(guidance))
            generator = og.Generator(self._model, params)
        except Exception as e:  # the runtime's own kinds; without guidance the fault is not the client's
            if guidance is None:
                raise
            raise ContractError(f"guidance refused: {e}") from e
        if request.adapter is not None:
            generator.set_active_adapter(self._adapters, request.adapter)
        if pixels is None or self.folder.image is None:
            generator.append_tokens(tokens)
            return generator
        inputs = og.NamedTensors()
        inputs["input_ids"] = tokens[None]
        inputs["pixel_values"] = pixels
        inputs["num_image_tokens"] = np.array([self.folder.image.tokens_per_image * len(pixels)], np.int64)
        generator.set_inputs(inputs)
        return generator

    def _next(self, generator: Any) -> tuple[int, float]:
        """Return the next token and the natural log of its probability before any guidance."""
        logits = np.asarray(generator.get_logits(), np.float64).reshape(-1)
        top = float(logits.max())
        if not math.isfinite(top):  # NaN wins every max
            raise ModelError(f"{self.folder.name}: its logits are not numbers: verify the model and its runtime")
        generator.generate_next_token()
        token = int(generator.get_next_tokens()[0])
        return token, float(logits[token] - top - np.log(np.exp(logits - top).sum()))

    def _usage(self, request: Request, asked: str, prompt: int, completion: int, score: float | None) -> dict[str, Any]:
        domain = self.folder.domain
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            **self.identity(),
            "adapter": request.adapter,
            "adapter_digest": None if request.adapter is None else self._adapter_digests.get(request.adapter),
            "prompt_digest": f"sha256:{hashlib.sha256((asked + self._begun(request)).encode()).hexdigest()}",
            "domain_score": score,
            "domain_threshold": domain.threshold if domain else None,
        }


def _tight(guidance: Guidance) -> str:
    """Return the guidance's value; a schema that leaves blanks open gets none, as the models are trained."""
    if guidance.kind != "json_schema":
        return guidance.value
    try:
        schema = json.loads(guidance.value)
    except json.JSONDecodeError as e:
        raise ContractError(f"the guidance is not a JSON schema: {e}") from e
    if not isinstance(schema, dict):
        return guidance.value
    return json.dumps({"x-guidance": {"whitespace_flexible": False}, **schema})


def _config(path: Path, threads: int) -> Any:
    # Without a thread count the runtime has been seen to use one thread.
    config = og.Config(str(path))
    config.overlay(json.dumps({"model": {"decoder": {"session_options": {"intra_op_num_threads": threads}}}}))
    return config


def _domain(folder: ModelFolder, threads: int) -> Any:
    if folder.domain is None:
        return None
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    file = folder.path / folder.domain.file
    return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _adapters(model: Any, folder: ModelFolder) -> tuple[Any, dict[str, str]]:
    """Return the model's adapters, and their digests by name."""
    found = adapters(folder)
    if found and folder.image:
        # The runtime (0.18) takes an adapter for a model with images and then runs the decoder without it.
        raise ModelError(f"has adapters ({', '.join(found)}), which this runtime applies to models of text only")
    loaded = og.Adapters(model) if found else None
    for name, file in found.items():
        loaded.load(str(file), name)
    return loaded, {name: f"sha256:{digest_of_file(file)}" for name, file in found.items()}


def _specials(path: Path) -> tuple[str, ...]:
    """Return the tokens that the tokenizer reads as marks and not as words."""
    added = json.loads((path / "tokenizer.json").read_text(encoding="utf-8")).get("added_tokens", [])
    return tuple(token["content"] for token in added if token["special"])
