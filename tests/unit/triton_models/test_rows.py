"""One cache for several answers, against each of them alone; the decoder is one layer of GroupQueryAttention."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.unit.triton_models.by_path import ROOT, importable

importable(ROOT)

from engine import agreement  # noqa: E402 - importable from here on
from engine.decoder import Cache, Decoder  # noqa: E402
from engine.folder import DecoderForm  # noqa: E402
from engine.place import Place  # noqa: E402
from engine.reading import Reading  # noqa: E402
from engine.room import BEFORE_ALL, Room  # noqa: E402
from engine.rows import LENGTHS, Rows  # noqa: E402
from engine.sessions import open_session  # noqa: E402

WORDS, WIDTH, HEADS, LONGEST = 24, 32, 2, 512
SIZE = WIDTH // HEADS
DESCRIBED = {"filename": "model.onnx", "num_hidden_layers": 1, "num_key_value_heads": HEADS, "head_size": SIZE}
FOLDER = SimpleNamespace(decoder=DecoderForm(), image=None)
CACHED = [f"past_key_values.0.{part}" for part in ("key", "value")]
PRESENT = [name.replace("past_key_values", "present") for name in CACHED]


def decoder_of(folder: Path, *, counts_each: bool = True) -> Decoder:
    """A decoder with random weights; one that does not count each row's tokens takes the mask's length for all."""
    random = np.random.default_rng(3)
    node = helper.make_node
    counted = node("ReduceSum", ["attention_mask", "axis1"], ["count"], keepdims=0)
    nodes = [
        node("Shape", ["attention_mask"], ["rows_1"], start=0, end=1),
        node("Shape", ["attention_mask"], ["total_1"], start=1, end=2),
        node("Gather", ["table", "input_ids"], ["vectors"]),
        *(node("MatMul", ["vectors", f"weights_{part}"], [part]) for part in "qkv"),
        counted if counts_each else node("Expand", ["total_1", "rows_1"], ["count"]),
        node("Sub", ["count", "one"], ["before"]),
        node("Cast", ["before"], ["seqlens"], to=TensorProto.INT32),
        node("Squeeze", ["total_1"], ["total_0"]),
        node("Cast", ["total_0"], ["total"], to=TensorProto.INT32),
        node(
            "GroupQueryAttention", ["q", "k", "v", *CACHED, "seqlens", "total", "cosines", "sines"], ["seen", *PRESENT],
            domain="com.microsoft", num_heads=HEADS, kv_num_heads=HEADS, do_rotary=1,
        ),
        node("Add", ["seen", "vectors"], ["both"]),
        node("MatMul", ["both", "out"], ["logits"]),
    ]  # fmt: skip
    angles = np.arange(LONGEST)[:, None] * 0.5 ** np.arange(SIZE // 2)[None]
    weights: dict[str, Any] = {f"weights_{part}": random.standard_normal((WIDTH, WIDTH)) / 4 for part in "qkv"}
    weights |= {"table": random.standard_normal((WORDS, WIDTH)), "out": random.standard_normal((WIDTH, WORDS))}
    weights |= {"cosines": np.cos(angles), "sines": np.sin(angles)}
    initializers = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    initializers += [numpy_helper.from_array(np.array([1], np.int64), name) for name in ("axis1", "one")]
    info, real, whole = helper.make_tensor_value_info, TensorProto.FLOAT, TensorProto.INT64
    inputs = [info("input_ids", whole, ["B", "S"]), info("attention_mask", whole, ["B", "T"])]
    inputs += [info(name, real, ["B", HEADS, "P", SIZE]) for name in CACHED]
    outputs = [info("logits", real, ["B", "S", WORDS])]
    outputs += [info(name, real, ["B", HEADS, "L", SIZE]) for name in PRESENT]
    graph = helper.make_graph(nodes, "attending", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), folder / "model.onnx")
    return Decoder(open_session(folder / "model.onnx", threads=1, device="cpu"), DESCRIBED, "cpu")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    return decoder_of(tmp_path_factory.mktemp("decoder"))


def reading(decoder: Decoder, length: int, limit: int = 40) -> Reading:
    """A prompt of `length` tokens; another one for each length."""
    tokens = np.random.default_rng(length).integers(0, WORDS, length)
    return Reading(Cache(decoder, {}), Place(decoder, FOLDER, tokens, None), None, tokens, None, limit)


class Alone:
    """What each answer's tokens are where nobody else is asked."""

    def __init__(self, decoder: Decoder, length: int) -> None:
        self._reading = reading(decoder, length)
        self.logits = self._reading.read()

    def step(self) -> np.ndarray:
        self.logits = self._reading.step(self.last)
        return self.logits

    @property
    def last(self) -> int:
        return int(np.argmax(self.logits))


def test_answers_of_different_lengths_that_come_and_go_have_the_logits_of_each_alone(decoder: Decoder) -> None:
    rows, alone = Rows(decoder, None, {}, Room()), list[Alone]()

    def come(length: int) -> None:
        alone.append(Alone(decoder, length))
        np.testing.assert_allclose(agreement.read(rows, reading(decoder, length)), alone[-1].logits, atol=1e-4)

    def go(at: int) -> None:
        rows.remove(at)
        alone[at] = alone[-1]
        del alone[-1]

    def steps(count: int) -> None:
        for _ in range(count):
            found = rows.step([one.last for one in alone])
            np.testing.assert_allclose(found, [one.step() for one in alone], atol=1e-4)

    come(5)
    steps(3)
    come(30)
    come(2)
    steps(4)
    go(0)
    steps(2)
    come(LENGTHS + 20)  # the others move to larger memory
    come(9)
    steps(5)
    go(2)
    go(2)
    steps(3)
    go(1)
    go(0)
    come(7)
    steps(2)


def test_a_decoder_that_counts_the_tokens_of_each_row_is_known(decoder: Decoder) -> None:
    assert agreement.together(decoder, None, [(reading(decoder, n), reading(decoder, n)) for n in (5, 6)])


def test_so_is_one_that_takes_the_longest_for_all(tmp_path: Path) -> None:
    other = decoder_of(tmp_path, counts_each=False)
    assert not agreement.together(other, None, [(reading(other, n), reading(other, n)) for n in (5, 9)])


@pytest.fixture
def neighbour(decoder: Decoder) -> Iterator[Rows]:
    """A cache with one answer, whose next logits are those that it has alone, whatever happened meanwhile."""
    rows, one = Rows(decoder, None, {}, Room()), Alone(decoder, 5)
    agreement.read(rows, reading(decoder, 5))
    np.testing.assert_allclose(rows.step([one.last]), [one.step()], atol=1e-4)
    yield rows
    np.testing.assert_allclose(rows.step([one.last]), [one.step()], atol=1e-4)


def test_a_prompt_that_finds_no_memory_leaves_the_others_as_they_were(
    decoder: Decoder, neighbour: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = reading(decoder, LENGTHS + 3)
    monkeypatch.setattr(refused, "read", lambda row: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        agreement.read(neighbour, refused)
    neighbour.drop(refused, BEFORE_ALL)


def test_a_growth_that_finds_no_memory_leaves_the_others_as_they_were(
    decoder: Decoder, neighbour: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = reading(decoder, 5)  # has its own cache before memory ends
    monkeypatch.setattr(decoder, "zeros", lambda name, answers, length: np.zeros(1 << 62))
    with pytest.raises((MemoryError, ValueError)):
        agreement.read(neighbour, refused)
