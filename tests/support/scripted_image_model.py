"""Models that read images, a few hundred bytes of ONNX each: what they say is written into them, or plain arithmetic.

They go through the engine as real ones do: card, form, digest, Triton's files from the generator.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.support.installation import REPOSITORY
from tests.unit.triton_models.by_path import engine

OPSET, IR_VERSION = 17, 9
NODULE = 'code = ["27925004", "SCT", "Nodule"]\nsite = ["39607008", "SCT", "Lung"]'
LUNG = 'code = ["39607008", "SCT", "Lung"]'
layout, folders = engine("layout"), engine("folder")

Graph = tuple[list[Any], list[Any], dict[str, Any]]
"""Nodes, outputs, initializers."""


@dataclass(frozen=True, kw_only=True)
class Script:
    """One model folder."""

    task: str
    graph: Graph
    input: Mapping[str, Any]
    """Of preread.json, over {"dimensions": "2d", "values": "presented", "size": [8, 8], "fit": "native"}."""
    classes: Sequence[str | None] = ("nodule",)
    card: str = ""
    """Lines of the card before its classes."""
    limits: str = ""
    """Lines of the card's table of limits."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """Lines of the card's table of each class, by name."""
    output: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, Any] = field(default_factory=dict)
    """What else stands in preread.json."""
    memory_mb: int = 1024


def write(repository: Path, name: str, script: Script) -> Path:
    """Write the model folder `name` into `repository` and return it."""
    model = repository / name
    (model / "1").mkdir(parents=True)
    form = {"dimensions": "2d", "values": "presented", "size": [8, 8], "fit": "native", **script.input}
    _save(model / "1" / "model.onnx", script.graph, form)
    told = {
        "task": script.task,
        "input": form,
        "output": {"activation": "none", "classes": list(script.classes), **script.output},
        **script.form,
    }
    (model / "1" / "preread.json").write_text(json.dumps(told))
    write_card(model, script)
    layout.write(model, engine_parent=str(REPOSITORY / "triton_models"))
    return model


def write_card(model: Path, script: Script) -> None:
    """Write the card of what lies in the folder now."""
    digest = folders.digest_of(model / "1")
    tables = [
        f'[[class]]\nname = "{name}"\n{script.tables.get(name, NODULE)}\n'
        for name in script.classes
        if name is not None
    ]
    (model / "card.toml").write_text(
        f'name = "{model.name}"\nversion = "1"\ndigest = "sha256:{digest}"\n'
        f'device_uid = "{folders.device_uid(digest)}"\nlicence = "Apache-2.0"\nsource = "A script."\n'
        f'intended_use = "Tests."\ndemo = true\nmemory_mb = {script.memory_mb}\ntask = "{script.task}"\n{script.card}\n'
        f"{''.join(tables)}\n[limits]\n{script.limits}\n"
    )


def constant(**outputs: Any) -> Graph:
    """A graph that gives `outputs`, whatever it sees."""
    values = {name: np.asarray(value) for name, value in outputs.items()}
    nodes = [helper.make_node("Identity", [f"{name}_value"], [name]) for name in values]
    described = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in values.items()
    ]
    return nodes, described, {f"{name}_value": value for name, value in values.items()}


def pointwise(dimensions: int, *, gain: float, offset: float, channels: int = 1) -> Graph:
    """A convolution of one pixel: gain times grey, plus offset; a segmenter's logits."""
    shape = (channels, 1, *[1] * dimensions)
    values = {"weight": np.full(shape, gain, np.float32), "bias": np.full((channels,), offset, np.float32)}
    return [helper.make_node("Conv", ["image", "weight", "bias"], ["logits"])], [_any("logits", dimensions + 2)], values


def blurred(*, gain: float, offset: float) -> Graph:
    """A convolution over 3 x 3 pixels: what it says at an edge depends on what lies beyond it."""
    values = {
        "weight": np.full((1, 1, 3, 3), gain / 9, np.float32),
        "bias": np.full((1,), offset, np.float32),
    }
    return (
        [helper.make_node("Conv", ["image", "weight", "bias"], ["logits"], pads=[1] * 4)],
        [_any("logits", 4)],
        values,
    )


def mean_grey(*, gain: float, offset: float) -> Graph:
    """A classifier's one logit: gain times the mean of the image, plus offset."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "gain"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["logit"]),
    ]
    return nodes, [_any("logit", 1)], {"gain": np.float32([gain]), "offset": np.float32([offset])}


def endless() -> Graph:
    """A graph that multiplies matrices for ever where the image is not black."""
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["matrix", "matrix"], ["product"]),
            helper.make_node("Clip", ["product", "low", "high"], ["next"]),
            helper.make_node("Identity", ["go_on"], ["still"]),
        ],
        "again",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("matrix", TensorProto.FLOAT, [256, 256]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [256, 256]),
        ],
    )
    nodes = [
        helper.make_node("ReduceMax", ["image"], ["brightest"], keepdims=0),
        helper.make_node("Greater", ["brightest", "low"], ["bright"]),
        helper.make_node("Loop", ["", "bright", "start"], ["end"], body=body),
        helper.make_node("ReduceMean", ["end"], ["one"], keepdims=0),
        helper.make_node("Reshape", ["one", "row"], ["probability"]),
    ]
    values = {
        "start": np.zeros((256, 256), np.float32), "low": np.float32(0), "high": np.float32(1),
        "row": np.array([1, 1], np.int64),
    }  # fmt: skip
    return nodes, [_any("probability", 2)], values


def _any(name: str, rank: int) -> Any:
    lengths = [f"{name}_{axis}" for axis in range(rank)]
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, lengths)


def _save(file: Path, graph: Graph, form: Mapping[str, Any]) -> None:
    nodes, outputs, values = graph
    inner = ["s", "r", "c"] if form["dimensions"] == "3d" else ["r", "c"]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", form.get("channels", 1), *inner])
    initializers = [numpy_helper.from_array(np.array(value), name) for name, value in values.items()]
    made = helper.make_graph(nodes, "scripted", [image], outputs, initializers)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, file)
