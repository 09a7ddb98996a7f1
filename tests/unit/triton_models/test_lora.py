"""An adapter as PEFT publishes it: what is read, what is refused by name, and that a graph with room gives what the
framework's arithmetic gives."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.support import tiny_adapter
from tests.support.tiny_checkpoint import write_safetensors
from tests.unit.triton_models.by_path import ROOT, importable

importable(ROOT)

from export.fitting import Join, parameters  # noqa: E402 - importable from here on
from export.lora import floats, read_lora  # noqa: E402
from export.room import Room, make_room, room_of  # noqa: E402
from export.trouble import ExportError  # noqa: E402

Floats = NDArray[np.float32]
QKV = Join(("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"), ("attn.qkv_proj",))
GATED = Join(("mlp.gate_up_proj",), ("mlp.gate_proj", "mlp.up_proj"))
OTHERS = tuple(Join((f"mlp.{name}",), (f"mlp.{name}",)) for name in ("fc1", "fc2"))
PHI = (QKV, Join(("self_attn.dense",), ("attn.o_proj",)), *OTHERS)
Q = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"


def sizes(layout: str) -> dict[tuple[int, str], tuple[int, int]]:
    target = tiny_adapter.TARGETS[layout]
    return {(n, module): shape for n in range(target.layers) for module, shape in target.modules.items()}


def room(places: Mapping[str, tuple[int, int]], layers: int = 2) -> Room:
    return Room({(n, place): shape for n in range(layers) for place, shape in places.items()})


PHI_ROOM = room({"attn.qkv_proj": (64, 192), "attn.o_proj": (64, 64), "mlp.fc1": (64, 128), "mlp.fc2": (128, 64)})


@pytest.mark.parametrize("layout", sorted(tiny_adapter.TARGETS))
def test_the_published_names_of_every_family_are_read(layout: str, tmp_path: Path) -> None:
    target = tiny_adapter.TARGETS[layout]
    for number, prefix in enumerate((target.prefix, "model.language_model")):
        lora = read_lora(tiny_adapter.write(tmp_path / str(number), layout, prefix=prefix))
        assert set(lora.pairs) == set(sizes(layout))
        assert lora.base == target.base
        assert {pair.scale for pair in lora.pairs.values()} == {2.0}


def test_strength_follows_rank_and_its_patterns(tmp_path: Path) -> None:
    lora = read_lora(tiny_adapter.write(
        tmp_path, "phi", rank_pattern={"q_proj": 9}, alpha_pattern={"q_proj": 6, "mlp.fc1": 1}, use_rslora=True,
    ))  # fmt: skip
    assert lora.pairs[0, "self_attn.q_proj"].scale == pytest.approx(2.0)
    assert lora.pairs[1, "mlp.fc1"].scale == pytest.approx(0.5)
    assert lora.pairs[1, "mlp.fc2"].scale == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"peft_type": "IA3"}, "of the kind 'IA3': only LORA"),
        ({"r": 0}, "names rank r = 0"),
        ({"r": 8}, "matrices .* says rank 8: weights and configuration are of two adapters"),
        ({"lora_alpha": None}, "names no lora_alpha"),
        ({"use_dora": True}, "DoRA .* merge it into its checkpoint"),
        ({"modules_to_save": ["lm_head"]}, "whole modules of its own"),
        ({"bias": "all"}, "biases"),
        ({"init_lora_weights": "pissa_niter_4"}, "another base .init_lora_weights pissa"),
        ({"target_modules": ["q_proj", "out_proj"]}, "target modules without weights .out_proj"),
    ],
)
def test_what_is_no_plain_lora_is_refused_with_what_to_do(
    changed: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    folder = tiny_adapter.write(tmp_path, "phi")
    told = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(told | changed))
    with pytest.raises(ExportError, match=sentence):
        read_lora(folder)


@pytest.mark.parametrize(
    ("name", "values", "sentence"),
    [
        (Q, np.full((4, 64), np.nan), "q_proj.lora_A.weight of .* not numbers .NaN.: train or copy it again"),
        (Q, np.zeros((3, 64)), "matrices .3, 64. and .64, 4., and adapter_config.json says rank 4"),
        ("base_model.model.lm_head.lora_A.weight", np.zeros((4, 64)), "lm_head.* is no lora_A or lora_B of a layer"),
        (Q.replace("lora_A", "lora_magnitude_vector"), np.zeros((64,)), "magnitude.* is no lora_A"),
        ("base_model.model.visual.layers.0.q.lora_A.weight", np.zeros((4, 4)), "adapts visual, .* not the decoder"),
        ("base_model.model.model.layers.0.mlp.new.lora_A.weight", np.zeros((4, 64)), "new has lora_A alone"),
    ],
)
def test_weights_that_are_not_an_adapter_s_are_named(name: str, values: Any, sentence: str, tmp_path: Path) -> None:
    folder = tiny_adapter.write(tmp_path, "phi", weights={name: np.asarray(values, np.float32)})
    with pytest.raises(ExportError, match=sentence):
        read_lora(folder)


def test_files_that_lack_are_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"has no adapter_config\.json"):
        read_lora(tmp_path)
    folder = tiny_adapter.write(tmp_path, "phi")
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ExportError, match="cut short or damaged"):
        read_lora(folder)
    write_safetensors(file, {})
    with pytest.raises(ExportError, match="it adapts nothing"):
        read_lora(folder)
    file.rename(folder / "adapter_model.bin")
    with pytest.raises(ExportError, match="safetensors alone, as other formats run code"):
        read_lora(folder)


def test_an_adapter_of_another_base_is_refused_by_what_differs(tmp_path: Path) -> None:
    lora = read_lora(tiny_adapter.write(tmp_path / "whole", "phi"))
    one = read_lora(tiny_adapter.write(tmp_path / "one", "phi3"))
    wide = dict.fromkeys(sizes("phi"), (128, 128))
    deep = sizes("phi") | {(2, module): shape for (n, module), shape in sizes("phi").items() if n == 0}
    flat = {(0, module): shape for (n, module), shape in sizes("phi").items() if n == 0}
    for asked, of, sentence in (
        (one, sizes("phi"), "o_proj and 1 more, which this model has no room for .it has .*of another family"),
        (lora, wide, "is 64 wide in and 64 out, the model's 128 and 128: it is of another base .microsoft/phi-2"),
        (lora, deep, "lacks weights of layers.2.self_attn.q_proj"),
        (lora, flat, "adapts layer 1 and the model has 1"),
    ):
        with pytest.raises(ExportError, match=sentence):
            parameters(asked, PHI_ROOM, of, PHI)


def test_halves_and_brain_floats_are_read_as_what_they_are() -> None:
    values = np.array([[1.5, -2.0], [0.25, 96.0]], np.float32)
    assert (floats(values.astype("<f2").tobytes(), "F16", [2, 2], "x") == values).all()
    brain = (values.view(np.uint32) >> 16).astype("<u2").tobytes()
    assert (floats(brain, "BF16", [2, 2], "x") == values).all()
    with pytest.raises(ExportError, match="x is I8"):
        floats(b"", "I8", [0], "x")
    with pytest.raises(ExportError, match="has 1 numbers, and its shape"):
        floats(b"\0\0", "F16", [2], "x")


def _graph(file: Path) -> Mapping[str, Floats]:
    """A layer as GenAI's builder names it: three matrices as one, and two that a framework has as one."""
    rng = np.random.default_rng(1)
    weights = {
        "qkv": rng.standard_normal((8, 24)).astype(np.float32), "gate": rng.standard_normal((8, 6)).astype(np.float32),
        "up": rng.standard_normal((8, 6)).astype(np.float32),
    }  # fmt: skip
    at = "/model/layers.0"
    nodes = [
        helper.make_node("MatMul", ["x", "qkv"], ["a"], name=f"{at}/attn/qkv_proj/MatMul"),
        helper.make_node("MatMul", ["x", "gate"], ["b"], name=f"{at}/mlp/gate_proj/MatMul"),
        helper.make_node("MatMul", ["x", "up"], ["c"], name=f"{at}/mlp/up_proj/MatMul"),
        helper.make_node("MatMul", ["x", "x_turned"], ["scores"], name=f"{at}/attn/MatMul"),
        helper.make_node("Transpose", ["x"], ["x_turned"], perm=[1, 0]),
    ]
    nodes = [*nodes[:3], nodes[4], nodes[3]]
    many: list[int | str] = ["many", 8]
    graph = helper.make_graph(
        nodes, "layer", [helper.make_tensor_value_info("x", TensorProto.FLOAT, many)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["many", None]) for name in ("a", "b", "c", "scores")],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), file)
    return weights


def test_a_graph_with_room_gives_what_the_framework_gives_and_without_an_adapter_the_same_to_the_last_bit(
    tmp_path: Path,
) -> None:
    file, x = tmp_path / "model.onnx", np.random.default_rng(2).standard_normal((5, 8)).astype(np.float32)
    weights = _graph(file)
    before = ort.InferenceSession(file).run(None, {"x": x})
    made = make_room(file)
    assert made == room_of(file)
    assert made.places == {(0, "attn.qkv_proj"): (8, 24), (0, "mlp.gate_proj"): (8, 6), (0, "mlp.up_proj"): (8, 6)}
    session = ort.InferenceSession(file)
    assert all((one == two).all() for one, two in zip(before, session.run(None, {"x": x}), strict=True))

    rng = np.random.default_rng(3)
    modules = {"self_attn.q_proj": (8, 8), "self_attn.v_proj": (8, 8), "mlp.gate_up_proj": (8, 12)}
    of = {(0, name): shape for name, shape in (modules | {"self_attn.k_proj": (8, 8)}).items()}
    raw = {
        f"base_model.model.model.layers.0.{name}.lora_{half}.weight": rng.standard_normal(shape).astype(np.float32)
        for name, (width, out) in modules.items()
        for half, shape in (("A", (2, width)), ("B", (out, 2)))
    }
    folder = tiny_adapter.write(
        tmp_path / "adapter", "phi", rank=2, target_modules=["q_proj", "v_proj", "gate_up_proj"]
    )
    write_safetensors(folder / "adapter_model.safetensors", raw)
    given = parameters(read_lora(folder), made, of, (QKV, GATED))

    def added(name: str) -> Floats:
        at = f"base_model.model.model.layers.0.{name}.lora_"
        both: Floats = 2.0 * (raw[f"{at}B.weight"] @ raw[f"{at}A.weight"]).T
        return both

    k, gated = np.zeros((8, 8), np.float32), added("mlp.gate_up_proj")
    wanted = [
        x @ (weights["qkv"] + np.concatenate([added("self_attn.q_proj"), k, added("self_attn.v_proj")], 1)),
        x @ (weights["gate"] + gated[:, :6]),
        x @ (weights["up"] + gated[:, 6:]),
    ]
    found = session.run(None, {"x": x, **given})
    for ours, theirs in zip(found, wanted, strict=False):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
