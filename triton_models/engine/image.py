"""The engine for models that read images: ONNX Runtime over one model folder.

    pixels -> fit -> graph, in one piece or in windows -> activation, calibration -> scores | boxes | mask

Everything about the graph stands in the folder's `preread.json`, and one input of zeros at load shows whether it is
true. The engine is safe to call from several threads.
"""

import os
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import image_contract, memory, windows
from engine.contract import ContractError, Tensors
from engine.folder import ModelError
from engine.image_answer import Outputs, dense, finite, read
from engine.image_contract import Answer, Request
from engine.image_fit import Fit, fit, graph_input
from engine.image_form import ImageModel, Shape, read_image_model
from engine.session import Session, Stopped
from engine.turns import Stop, never

COPIES = 4
"""How often a segmenter's output lies in memory at once: sum, window, probabilities, and as it is resampled."""


class Engine:
    """One loaded model."""

    def __init__(self, model: ImageModel, *, threads: int, device: str = "") -> None:
        """Load `model` with so many threads on `device` (cpu, cuda; empty: the CPU); raises ModelError.

        It is run once on zeros, so that a graph of other shapes than its form says is found before a patient is.
        """
        self.model = model
        before_mb = memory.resident_mb()
        self._graph = Session(model.path / model.file, model=model.name, threads=threads, device=device)
        self._domain = _domain(model, threads, device)
        self._try_zeros()
        memory.left_mb(model.name, model.memory_mb, since_mb=before_mb)

    @classmethod
    def load(cls, model: Path, *, threads: int | None = None, device: str = "") -> "Engine":
        """Return the engine of the model folder `model`, with as many threads as this process may use cores."""
        return cls(read_image_model(model), threads=threads or len(os.sched_getaffinity(0)), device=device)

    def identity(self) -> dict[str, Any]:
        """Return what a client may want to know before it asks."""
        return {
            "model": self.model.name,
            "version": self.model.version,
            "digest": self.model.digest,
            "execution_provider": self._graph.provider,
        }

    def parse(self, tensors: Tensors) -> Request:
        """Return the request in `tensors`; raises ContractError."""
        return image_contract.parse(tensors)

    def encode(self, answer: Answer) -> dict[str, NDArray[Any]]:
        """Return the tensors of one response."""
        return image_contract.encode_answer(answer)

    def generate(self, request: Request, stop: Stop = never) -> Iterator[Answer]:
        """Yield an empty answer after each window, and the whole one last. Raises ContractError, ModelError.

        `stop` is asked before anything is done, and all the time while the graph runs.
        """
        if finish := stop():
            yield self._without(finish)
            return
        self._check(request)
        form = self.model.input
        where = fit(request, form)
        self._check_memory(where)
        given = graph_input(request, form, where)
        try:
            score = self._domain_score(given, stop)
            if score is not None and self.model.domain and score < self.model.domain.threshold:
                yield self._without("outside_domain", score)
                return
            outputs, count = yield from self._run(given, where.canvas, stop)
        except Stopped as e:
            yield self._without(str(e))
            return
        yield replace(read(outputs, self.model, where), finish="stop", usage=self._usage(count, score))

    def _run(
        self, given: NDArray[np.float32], canvas: Shape, stop: Stop
    ) -> Generator[Answer, None, tuple[Outputs, int]]:
        """Run the graph on `given` (channels, slices, rows, columns); returns its outputs and how many runs it took."""
        sliding, size = self.model.sliding_window, self.model.input.size
        if sliding is None:
            return self._graph.run(self._batch(given), stop), 1
        blend = windows.Blend(len(self.model.channels), canvas, windows.importance(size, sliding.blending))
        places = windows.places(canvas, size, sliding)
        for place in places:
            outputs = self._graph.run(self._batch(given[(slice(None), *place)]), stop)
            blend.add(place, dense(outputs, self.model, size))
            yield Answer()
        return {self._graph.outputs[0]: blend.mean()}, len(places)

    def _batch(self, given: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (channels, slices, rows, columns) as the graph takes it, a batch of one."""
        return given[None] if self.model.input.dimensions == 3 else given[None, :, 0]

    def _try_zeros(self) -> None:
        """Ask about zeros of the input's size; raises ModelError where the graph is not as its form says."""
        form = self.model.input
        wanted = (1, len(form.mean), *form.size[3 - form.dimensions :])
        if not _takes(self._graph.shape, wanted):
            raise ModelError(
                f"{self.model.name}: the graph takes {self._graph.shape} and by preread.json it is given "
                f"{list(wanted)}: correct input.dimensions, input.channels or input.size"
            )
        if self.model.boxes and (missing := _named(self.model) - set(self._graph.outputs)):
            has, lacks = ", ".join(self._graph.outputs), ", ".join(sorted(missing))
            raise ModelError(f"{self.model.name}: the graph has no output {lacks}; it has {has}")
        where = Fit(form.size, form.size, (0, 0, 0), form.size)
        outputs = self._graph.run(np.zeros(wanted, np.float32), never)
        read(outputs, self.model, where)

    def _check(self, request: Request) -> None:
        """Raise ContractError for a request that this model cannot read."""
        form = self.model.input
        wanted = image_contract.VALUES[form.values]
        if request.task != self.model.task:
            raise ContractError(f"{self.model.name} does {self.model.task}, not {request.task}")
        if request.pixels.dtype != wanted:
            raise ContractError(f"{self.model.name} reads {form.values} values ({wanted}), not {request.pixels.dtype}")
        if form.dimensions == 2 and len(request.pixels) != 1:
            raise ContractError(f"{len(request.pixels)} slices sent, {self.model.name} reads one image at a time")

    def _check_memory(self, where: Fit) -> None:
        """Raise ContractError where the answer alone would take more than the card allows."""
        pixels = max(int(np.prod(where.canvas)), int(np.prod(where.source)))
        needed_mb = COPIES * len(self.model.channels) * pixels * 4 / memory.MEGABYTE
        if self.model.task == "segmentation" and self.model.memory_mb and needed_mb > self.model.memory_mb:
            raise ContractError(
                f"an image of {list(where.source)} needs about {needed_mb:.0f} MB and the card of {self.model.name} "
                f"allows {self.model.memory_mb}: raise memory_mb in the card if the machine has the room"
            )

    def _domain_score(self, given: NDArray[np.float32], stop: Stop) -> float | None:
        """Return how much the image is what the model was made for, 0..1, or None where nobody says."""
        if self._domain is None:
            return None
        (scores,) = self._domain.run(self._batch(given), stop).values()
        return float(finite(scores, self.model).min())

    def _without(self, finish: str, score: float | None = None) -> Answer:
        return Answer(finish=finish, usage=self._usage(0, score))

    def _usage(self, count: int, score: float | None) -> dict[str, Any]:
        domain = self.model.domain
        return {
            **self.identity(),
            "classes_digest": f"sha256:{self.model.classes_digest}",
            "windows": count,
            "domain_score": score,
            "domain_threshold": domain.threshold if domain else None,
        }


def _domain(model: ImageModel, threads: int, device: str) -> Session | None:
    if model.domain is None:
        return None
    return Session(model.path / model.domain.file, model=model.name, threads=threads, device=device)


def _named(model: ImageModel) -> set[str]:
    form = model.boxes
    return {form.boxes, form.scores, form.labels} - {""} if form else set()


def _takes(declared: list[Any], given: tuple[int, ...]) -> bool:
    """Whether a graph's declared input shape (None or a name: any) takes an array of the shape `given`."""
    pairs = zip(declared, given, strict=False)
    return len(declared) == len(given) and all(not isinstance(n, int) or n == m for n, m in pairs)
