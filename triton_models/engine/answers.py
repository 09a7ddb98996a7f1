"""What every engine does for a request; a runtime adds how it loads a model and what it finds likely after a token.

    pixels -> letterbox -> pixel_values -> domain.onnx -> outside: one answer without text
                                        -> vision.onnx -> embedding.onnx -> decoder, token by token

Greedy, streamed, with the log-probability of each token. An engine is safe to call from several threads: what they ask
at once is written together where the decoder can (`batch.py`).
"""

import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from llguidance import LLTokenizer
from numpy.typing import NDArray

from engine import contract, memory, pieces
from engine import device as devices
from engine.adapters import Adapter, adapters
from engine.answer import Answer
from engine.batch import Batch, Cache
from engine.constraint import Constraint
from engine.contract import Chunk, ContractError, ImageRef, Request, Tensors
from engine.folder import ModelError, ModelFolder, pixel_values
from engine.room import Room
from engine.sessions import open_session
from engine.threads import worth
from engine.turns import Stop, never
from engine.words import Prompt, Words

Pixels = NDArray[np.float32]
"""(images, channels, rows, columns), normalised as the model folder says."""


class Begun(NamedTuple):
    """A prompt that is ready to be read."""

    batch: Batch
    """In which the answer is written."""
    prompt: Any
    """What the batch's cache reads."""

    def join(self, answer: Answer, priority: int) -> None:
        """Have `answer` written."""
        self.batch.join(answer, self.prompt, priority)


class Engine(ABC):
    """One loaded model."""

    together = False
    """Whether its answers are written in one batch."""
    piece = 0
    """How many tokens of a prompt are read at a time; 0: all of them."""
    token_bytes = 0
    """What a token takes in the cache."""

    def __init__(
        self, folder: ModelFolder, *, threads: int | None = None, device: str = "", unverified: bool = False,
        moved: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """Load `folder`; `threads` as many as its size is worth where it is left out.

        `device` is cpu, cuda, or empty for the model's own choice. Raises ModelError, also where the model came up on
        another device than the one it was to run on. Adapters that were not verified are left out, unless asked for as
        `unverified`, by whoever verifies them. `moved` hears of each piece of a prompt that was read.
        """
        self.folder = folder
        before_mb = memory.resident_mb()
        self._device = devices.wanted(device, folder.path / "genai_config.json")
        self._threads = threads or worth(folder.path)
        self._grammar: LLTokenizer | None = None
        self._guiding = threading.Lock()
        self._moved = moved
        try:
            self._found = adapters(folder, unverified=unverified)
            self._served = {name: one for name, one in self._found.items() if not one.wrong}
            config = json.loads((folder.path / "genai_config.json").read_text(encoding="utf-8"))
            self._described: dict[str, Any] = config["model"]
            self._words = Words(folder.path)
            domain = folder.domain
            self._domain = self._session(domain.file) if domain else None
            self.execution_provider = self._load(device)
        except ModelError as e:
            raise ModelError(f"{folder.name}: {e}") from e
        except Exception as e:  # the runtimes raise their own kinds, RuntimeError among them
            raise ModelError(f"{folder.name}: could not be loaded: {e}{devices.remedy(self._device)}") from e
        if wrong := devices.fell_back(self._device, self.execution_provider):
            raise ModelError(f"{folder.name}: {wrong}")
        left_mb = memory.left_mb(folder.name, folder.memory_mb, since_mb=before_mb)
        # A GPU's memory is not the machine's.
        self._room = Room(left_mb if self._device == "cpu" else None, self.token_bytes, model=folder.name)

    @property
    def loaded(self) -> dict[str, Adapter]:
        """The adapters that answer, by name."""
        return self._served

    @abstractmethod
    def _load(self, device: str) -> str:
        """Load the graphs on `device` (empty: the model's own choice); returns the execution provider they got."""

    @abstractmethod
    def _begin(self, prompt: Prompt, pixels: Pixels | None, request: Request, limit: int) -> Begun:
        """Return `prompt` ready to be read; its answer has at most `limit` tokens."""

    @abstractmethod
    def _goes_on(self) -> bool:
        """Whether a prompt that is read in pieces gets the logits of one that is read as a whole; tried."""

    def tried(self) -> None:
        """Have the decoder write two words: sizes and types that do not fit are found now, not by somebody's study.

        From here on prompts are read in pieces, where the decoder can go on within one. Raises ModelError.
        """
        request = Request(parts=(contract.Text("?"),))
        prompt = self._words.prompt(request, self.folder.image)
        try:
            begun = self._begin(prompt, None, request, 2)
            begun.batch.tried(begun.prompt, int(prompt.tokens[-1]))
        except ContractError as e:  # there is no memory for so little
            raise ModelError(f"{self.folder.name}: {e}") from e
        except Exception as e:  # the runtimes raise their own kinds
            raise ModelError(
                f"{self.folder.name}: its decoder does not run as genai_config.json says: {e}: "
                "export it anew with `preread models add`, or copy the folder again"
            ) from e
        self.piece = pieces.piece(self.folder.path) if self._goes_on() else 0

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
        """Yield the answer as it comes; the last chunk has `finish`. Raises ContractError, and ModelError mid-way.

        `stop` is asked before anything is done, and every few milliseconds while the answer is written.
        """
        unasked = Prompt(begun=self._words.begun(request))
        if finish := stop():
            yield Chunk(finish=finish, usage=self._usage(request, unasked, 0, None))
            return
        pixels = self._pixels(request)
        score = self._domain_score(pixels)
        if self.folder.domain and score is not None and score < self.folder.domain.threshold:
            yield Chunk(finish="outside_domain", usage=self._usage(request, unasked, 0, score))
            return
        prompt = self._words.prompt(request, self.folder.image)
        limit = self._limit(request, len(prompt.tokens))
        self._check_adapter(request.adapter)
        answer = Answer(limit=limit, ends=self._words.ends, constraint=self._constraint(request))
        self._begin(prompt, pixels, request, limit).join(answer, request.priority)
        try:
            yield from self._told(answer, request, prompt, score, stop)
        finally:  # whoever asked may listen no more; the place is free when nothing is kept of the answer
            answer.end("cancelled")
            answer.wait()

    def told(self) -> str:
        """Return how it answers, for the log."""
        how = "in one batch" if self.together else "each for itself"
        read = f"{self.piece} tokens at a time" if self.piece else "in one piece: its decoder cannot go on within one"
        return f"{self.folder.name}: answers are written {how}; prompts are read {read}; {self._room.told()}"

    def _batch_of(self, cache: Callable[[], Cache]) -> Batch:
        return Batch(cache, self._moved)

    def _constraint(self, request: Request) -> Constraint | None:
        if request.guidance is None:
            return None
        with self._guiding:
            if self._grammar is None:
                tokenizer = str(self.folder.path / "tokenizer.json")
                try:
                    self._grammar = LLTokenizer(tokenizer, eos_token=sorted(self._words.ends))
                except ValueError as e:
                    raise ContractError(f"guidance refused: {self.folder.name} has a tokenizer without it: {e}") from e
        return Constraint(self._grammar, request.guidance)

    def _told(
        self, answer: Answer, request: Request, prompt: Prompt, score: float | None, stop: Stop
    ) -> Iterator[Chunk]:
        """Yield what is written as it comes; the last has why it ended."""
        words, count, finish = self._words.stream(), 0, ""
        # A prefix is given to the model without its last blanks, so the answer begins with them.
        strip = request.prefix != request.prefix.rstrip()
        while not finish:
            try:
                steps, finish = answer.take(stop)
            except ModelError as e:
                raise ModelError(f"{self.folder.name}: {e}") from e
            count += len(steps)
            pieces = ["" if token in self._words.ends else words.decode(token) for token, _ in steps]
            for at, piece in enumerate(pieces):
                if strip and piece:
                    pieces[at], strip = piece.lstrip(), False
            yield Chunk(
                tuple(pieces),
                tuple(logprob for _, logprob in steps),
                finish,
                self._usage(request, prompt, count, score) if finish else {},
                tokens=tuple(token for token, _ in steps),
            )

    def _session(self, file: str, *, threads: int | None = None) -> Any:
        return open_session(self.folder.path / file, threads=threads or self._threads, device=self._device)

    def _pixels(self, request: Request) -> Pixels | None:
        form = self.folder.image
        most = form.max_images if form else 0
        if len(request.images) > most:
            raise ContractError(f"{len(request.images)} images sent, {self.folder.name} reads at most {most}")
        order = [part.index for part in request.parts if isinstance(part, ImageRef)]
        return pixel_values([request.images[index] for index in order], form) if form and order else None

    def _domain_score(self, pixels: Pixels | None) -> float | None:
        """Return the score of the image that fits least, 0..1, or None where there is nothing to score."""
        if self._domain is None or pixels is None:
            return None
        (scores,) = self._domain.run(["domain_score"], {"pixel_values": pixels})
        return float(np.min(scores))

    def _limit(self, request: Request, prompt: int) -> int:
        room = self.folder.context_tokens - prompt
        if room < 1:
            raise ContractError(f"the prompt has {prompt} tokens, the model takes {self.folder.context_tokens}")
        return min(request.max_tokens or self.folder.default_max_tokens, room)

    def _check_adapter(self, adapter: str | None) -> None:
        if adapter is None or adapter in self._served:
            return
        if adapter in self._found:
            model, wrong = self.folder.name, self._found[adapter].wrong
            raise ContractError(
                f"{model} does not serve its adapter {adapter!r}: {wrong}; `preread models adapter add` makes it anew"
            )
        known = ", ".join(self._served) or "none"
        raise ContractError(f"{self.folder.name} has no adapter {adapter!r}; it has {known}")

    def _usage(self, request: Request, prompt: Prompt, completion: int, score: float | None) -> dict[str, Any]:
        domain = self.folder.domain
        return {
            "prompt_tokens": len(prompt.tokens),
            "completion_tokens": completion,
            **self.identity(),
            "adapter": request.adapter,
            "adapter_digest": self._served[request.adapter].digest if request.adapter in self._served else None,
            "prompt_digest": prompt.digest,
            "domain_score": score,
            "domain_threshold": domain.threshold if domain else None,
        }
