"""A decoder graph in plain ONNX Runtime, and its cache.

    inputs_embeds (1, new, width) or input_ids (1, new)
    attention_mask (1, total) of ones, or (1, 1, new, total) of who may see whom; sliding_attention_mask likewise
    position_ids (1, new), or (3, 1, new) in time, rows and columns
    past_key_values.N.key, .value (1, heads, past, size)      -> present.N.key, .value (1, heads, total, size)
                                                              -> logits (1, new or 1, vocabulary)

Other names may stand in genai_config.json. Masks are bool, or of the graph's float type: 0, or the lowest number where
nothing is seen. The cache stays where the graph left it: what a step put out is bound as the next one's input.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engine.folder import ModelError

PARTS = ("key", "value")
TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


class Decoder:
    """A loaded decoder graph: its session and the names and types of what goes in and out."""

    def __init__(self, session: Any, described: Mapping[str, Any], device: str) -> None:
        """`described` is the section `model.decoder` of genai_config.json; raises ModelError."""
        self.session, self.device = session, device
        inputs, outputs = described.get("inputs", {}), described.get("outputs", {})
        layers = range(described["num_hidden_layers"])
        self.past = [inputs.get(f"past_{p}_names", f"past_key_values.%d.{p}") % n for n in layers for p in PARTS]
        self.present = [outputs.get(f"present_{p}_names", f"present.%d.{p}") % n for n in layers for p in PARTS]
        self.logits = outputs.get("logits", "logits")
        self._heads, self._size = described["num_key_value_heads"], described["head_size"]
        self._inputs = {given.name: given for given in session.get_inputs()}
        self._named = self._inputs | {put_out.name: put_out for put_out in session.get_outputs()}
        if missing := {*self.past, *self.present, self.logits} - set(self._named):
            raise ModelError(f"{described['filename']} has no {', '.join(sorted(missing))}")

    @property
    def embeds(self) -> bool:
        """Whether it takes vectors and not the tokens themselves."""
        return "inputs_embeds" in self._inputs

    def rank(self, name: str) -> int:
        """Return how many axes the input `name` has, or 0 where the graph has none of that name."""
        return len(self._inputs[name].shape) if name in self._inputs else 0

    def zeros(self, name: str, answers: int, length: int) -> NDArray[Any]:
        """Return memory for the cache `name` of so many answers of so many tokens."""
        return np.zeros((answers, self._heads, length, self._size), self._type(name))

    def cast(self, name: str, value: NDArray[Any]) -> NDArray[Any]:
        """Return `value` in the type of the input `name`; of what may be seen, a bool, the mask in that type."""
        kind = self._type(name)
        if value.dtype == np.bool_ and np.issubdtype(kind, np.floating):
            return np.where(value, kind(0), np.finfo(kind).min)
        return np.ascontiguousarray(value, kind)

    def memory(self, name: str, *axes: int) -> NDArray[Any]:
        """Return memory for the input or output `name` (*axes, its last axis); raises ModelError where that is open."""
        last = self._named[name].shape[-1]
        if not isinstance(last, int):
            raise ModelError(f"the graph leaves open how long {name} is")
        return np.empty((*axes, last), self._type(name))

    def binding(self, given: Mapping[str, NDArray[Any]], adapter: Mapping[str, Any]) -> Any:
        """Return a binding with the inputs `given`, and those of `adapter`, by name."""
        binding = self.session.io_binding()
        for name, value in given.items():
            binding.bind_cpu_input(name, self.cast(name, value))
        for name, value in adapter.items():
            binding.bind_ortvalue_input(name, value)
        return binding

    @property
    def token_bytes(self) -> int:
        """What the cache keeps of one token."""
        return sum(self._heads * self._size * np.dtype(self._type(name)).itemsize for name in self.past)

    def _type(self, name: str) -> Any:
        kind = self._named[name].type
        if kind not in TYPES:
            raise ModelError(f"{name} is {kind}, which this engine does not feed")
        return TYPES[kind]


class Cache:
    """What one answer keeps of the tokens before."""

    def __init__(self, decoder: Decoder, adapter: Mapping[str, Any]) -> None:
        """`adapter` are inputs that stay the same for the whole answer, by name."""
        self._decoder = decoder
        self._adapter = adapter
        nothing = (decoder.zeros(name, 1, 0) for name in decoder.past)
        self._kept = [ort.OrtValue.ortvalue_from_numpy(one, decoder.device, 0) for one in nothing]

    def step(self, given: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Run the graph on the new tokens and return the last one's logits (vocabulary)."""
        decoder, binding = self._decoder, self._decoder.binding(given, self._adapter)
        for name, value in zip(decoder.past, self._kept, strict=True):
            binding.bind_ortvalue_input(name, value)
        binding.bind_output(decoder.logits, "cpu")
        for name in decoder.present:
            binding.bind_output(name, decoder.device)
        decoder.session.run_with_iobinding(binding)
        logits, *self._kept = binding.get_outputs()
        return np.asarray(logits.numpy()[0, -1])
