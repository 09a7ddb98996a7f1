"""The decoder's loop with its cache, against the same arithmetic done anew for every token."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.unit.triton_models.by_path import ROOT, importable

importable(ROOT)

from engine.decoder import Cache, Decoder  # noqa: E402 - importable from here on
from engine.folder import DecoderForm, ModelError  # noqa: E402
from engine.place import Place  # noqa: E402
from engine.reading import Reading  # noqa: E402
from engine.sessions import open_session  # noqa: E402

WIDTH, WORDS, IMAGE, WINDOW, GRID = 8, 12, 11, 3, (2, 2)
PROMPT = np.array([1, 5, IMAGE, IMAGE, IMAGE, IMAGE, 7, 2], np.int32)
TABLE = np.random.default_rng(5).standard_normal((WORDS, WIDTH)).astype(np.float32)
FEATURES = np.random.default_rng(6).standard_normal((4, WIDTH)).astype(np.float32)
TURN = np.array([[0.3], [0.5], [0.7]], np.float32)
"""How much each direction of a position moves a key."""
LOWEST = np.finfo(np.float32).min
DESCRIBED = {"filename": "model.onnx", "num_hidden_layers": 1, "num_key_value_heads": 1, "head_size": WIDTH}


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One layer that attends twice, by a bool mask and by an added one with a window; positions move its keys."""
    file = tmp_path_factory.mktemp("decoder") / "model.onnx"
    node = helper.make_node
    nodes = [
        node("Cast", ["position_ids"], ["at"], to=TensorProto.FLOAT),
        node("Transpose", ["at"], ["at_last"], perm=[1, 2, 0]),
        node("MatMul", ["at_last", "turn"], ["moved"]),
        node("Sin", ["moved"], ["sine"]),
        node("Add", ["inputs_embeds", "sine"], ["key"]),
        node("Unsqueeze", ["key", "axis1"], ["new_key"]),
        node("Unsqueeze", ["inputs_embeds", "axis1"], ["new_value"]),
        node("Concat", ["past_key_values.0.key", "new_key"], ["present.0.key"], axis=2),
        node("Concat", ["past_key_values.0.value", "new_value"], ["present.0.value"], axis=2),
        node("Transpose", ["present.0.key"], ["keys"], perm=[0, 1, 3, 2]),
        node("MatMul", ["new_value", "keys"], ["scores"]),
        node("Where", ["attention_mask", "zero", "lowest"], ["added"]),
        node("Add", ["scores", "added"], ["full"]),
        node("Add", ["scores", "sliding_attention_mask"], ["near"]),
        node("Softmax", ["full"], ["full_weights"], axis=-1),
        node("Softmax", ["near"], ["near_weights"], axis=-1),
        node("Sub", ["full_weights", "near_weights"], ["both"]),
        node("MatMul", ["both", "present.0.value"], ["seen"]),
        node("MatMul", ["seen", "out"], ["logits_4d"]),
        node("Squeeze", ["logits_4d", "axis1"], ["logits"]),
    ]
    values = {"turn": TURN.repeat(WIDTH, 1), "zero": np.float32(0), "lowest": np.float32(LOWEST), "out": TABLE.T,
              "axis1": np.array([1], np.int64)}  # fmt: skip
    cached = [f"past_key_values.0.{part}" for part in ("key", "value")]
    info, real = helper.make_tensor_value_info, TensorProto.FLOAT
    inputs = [
        info("inputs_embeds", real, [1, "S", WIDTH]),
        info("attention_mask", TensorProto.BOOL, [1, 1, "S", "T"]),
        info("sliding_attention_mask", real, [1, 1, "S", "T"]),
        info("position_ids", TensorProto.INT64, [3, 1, "S"]),
        *(info(name, real, [1, 1, "P", WIDTH]) for name in cached),
    ]
    outputs = [info("logits", real, [1, "S", WORDS])]
    outputs += [info(name.replace("past_key_values", "present"), real, [1, 1, "T", WIDTH]) for name in cached]
    initializers = [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()]
    graph = helper.make_graph(nodes, "attending", inputs, outputs, initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
    return Decoder(open_session(file, threads=1, device="cpu"), DESCRIBED, "cpu")


class Table:
    """What the embedding graph does: a look-up, images at their places."""

    def run(self, tokens: np.ndarray, features: np.ndarray | None) -> np.ndarray:
        return embedded(tokens)[None]


def embedded(tokens: np.ndarray) -> np.ndarray:
    found = TABLE[tokens].copy()
    found[tokens == IMAGE] = FEATURES[: np.count_nonzero(tokens == IMAGE)]
    return found


def logits_anew(tokens: list[int], attention: str) -> np.ndarray:
    """The last token's logits, everything computed from the first token on."""
    positions = [[0] * 3, [1] * 3, [2, 2, 2], [2, 2, 3], [2, 3, 2], [2, 3, 3], *([n - 2] * 3 for n in range(6, 40))]
    image = range(2, 6)
    vectors = embedded(np.array(tokens))
    keys = vectors + np.sin(np.array(positions[: len(tokens)]) @ TURN)
    seen = np.zeros((len(tokens), WIDTH))
    for at, vector in enumerate(vectors):
        together = [n in image and at in image and attention == "bidirectional" for n in range(len(tokens))]
        full = np.array([n <= at or together[n] for n in range(len(tokens))])
        near = np.array([may and n > at - WINDOW for n, may in enumerate(full)])
        for sign, mask in ((1, full), (-1, near)):
            weights = np.where(mask, np.exp(keys @ vector), 0)
            seen[at] += sign * weights @ vectors / weights.sum()
    found: np.ndarray = seen[-1] @ TABLE.T
    return found


@pytest.mark.parametrize("piece", [0, 1, 3, 4, 7])
@pytest.mark.parametrize("attention", ["bidirectional", "causal"])
def test_token_after_token_with_the_cache_is_what_the_whole_would_give(
    decoder: Any, attention: str, piece: int
) -> None:
    form = DecoderForm(image_attention=attention, sliding_window=WINDOW)
    folder = SimpleNamespace(decoder=form, image=SimpleNamespace(grid=GRID))
    place = Place(decoder, folder, PROMPT, IMAGE)
    reading = Reading(Cache(decoder, {}), place, Table(), PROMPT.astype(np.int64), FEATURES, limit=16, piece=piece)
    tokens, pieces = PROMPT.tolist(), 1
    while (logits := reading.read()) is None:
        pieces += 1
    cut = {0: 1, 1: 5, 3: 2, 4: 2, 7: 2} if attention == "bidirectional" else {0: 1, 1: 8, 3: 3, 4: 2, 7: 2}
    assert pieces == cut[piece], "none ends among tokens that see one another"
    for _ in range(16):
        np.testing.assert_allclose(logits, logits_anew(tokens, attention), rtol=1e-4, atol=1e-5)
        tokens.append(int(np.argmax(logits)))
        logits = reading.step(tokens[-1])
    assert len(set(tokens[len(PROMPT) :])) > 2, "it says different things"


def test_the_cache_stays_in_the_runtime(decoder: Any) -> None:
    cache = Cache(decoder, {})
    masks = {name: np.ones((1, 1, 1, 1), bool) for name in ("attention_mask", "sliding_attention_mask")}
    cache.step({"inputs_embeds": TABLE[None, :1], "position_ids": np.zeros((3, 1, 1), int), **masks})
    assert [kept.shape() for kept in cache._kept] == [[1, 1, 1, WIDTH]] * 2


def test_a_graph_without_a_cache_is_refused_by_its_missing_names(decoder: Any) -> None:
    with pytest.raises(ModelError, match=r"model\.onnx has no past_key_values\.1\.key, .*present\.1\.value"):
        Decoder(decoder.session, DESCRIBED | {"num_hidden_layers": 2}, "cpu")


def test_an_unknown_way_to_attend_is_refused_at_load(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image_attention is causal or bidirectional, not 'both'"):
        DecoderForm(image_attention="both")
