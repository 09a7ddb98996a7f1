"""Room for adapters in a decoder graph: two small matrices beside each matrix of its layers, empty until given.

    y = x W   ->   y = x W + (x A) B        A (in, rank), B (rank, out): inputs `lora.LAYER.PLACE.A` and `.B`

Both are initializers, too, of rank 0: who asks without an adapter gets the numbers of a graph without room, to the
last bit. ONNX Runtime feeds them out of an .onnx_adapter file (`RunOptions.add_active_adapter`), or as any input.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

PLACE = re.compile(r"layers\.(\d+)[/.](.+)/MatMul(?:NBits|_Q4)?$")
NAME = re.compile(r"lora\.(\d+)\.(.+)\.([AB])")
PREFIX = "lora."


@dataclass(frozen=True)
class Room:
    """What a graph has room for: the matrices of its layers, by layer and place, as (in, out)."""

    places: Mapping[tuple[int, str], tuple[int, int]]

    @property
    def layers(self) -> int:
        """How many layers have room."""
        return 1 + max((layer for layer, _ in self.places), default=-1)

    @property
    def names(self) -> tuple[str, ...]:
        """The places of all layers."""
        return tuple(dict.fromkeys(place for _, place in self.places))


def make_room(file: Path) -> Room:
    """Write room for adapters into the graph `file`, whose data may lie beside it; returns what it has room for."""
    model = onnx.load(file, load_external_data=False)
    graph = model.graph
    weights = {one.name: one for one in graph.initializer}
    nodes: list[Any] = []
    found: dict[tuple[int, str], tuple[int, int]] = {}
    for node in graph.node:
        nodes.append(node)
        at = PLACE.search(node.name)
        if at is None or (shape := _shape(node, weights)) is None:
            continue
        layer, place = int(at[1]), at[2].replace("/", ".")
        found[layer, place] = shape
        nodes += _beside(node, f"{PREFIX}{layer}.{place}")
        for name, dims, empty in _inputs(f"{PREFIX}{layer}.{place}", shape):
            graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, dims))
            graph.initializer.append(helper.make_tensor(name, TensorProto.FLOAT, empty, b"", raw=True))
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.save(model, file)
    return Room(found)


def room_of(file: Path) -> Room:
    """Return what the graph `file` has room for; nothing where none was made."""
    found: dict[tuple[int, str], list[int]] = {}
    for given in onnx.load(file, load_external_data=False).graph.input:
        if at := NAME.fullmatch(given.name):
            sizes = [axis.dim_value for axis in given.type.tensor_type.shape.dim]
            found.setdefault((int(at[1]), at[2]), [0, 0])[at[3] == "B"] = sizes[at[3] == "B"]
    return Room({key: (width, out) for key, (width, out) in found.items()})


def _shape(node: Any, weights: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return (in, out) of the matrix that a node multiplies with, None where it has none of its own."""
    if node.op_type == "MatMulNBits":
        sizes = {one.name: one.i for one in node.attribute}
        return sizes["K"], sizes["N"]
    if node.op_type != "MatMul" or node.input[1] not in weights:
        return None
    width, out = weights[node.input[1]].dims
    return width, out


def _inputs(name: str, shape: tuple[int, int]) -> Iterator[tuple[str, list[int | str], tuple[int, int]]]:
    """Yield name, axes and default size of both inputs; ranks may differ from place to place."""
    rank = f"rank of {name}"
    yield f"{name}.A", [shape[0], rank], (shape[0], 0)
    yield f"{name}.B", [rank, shape[1]], (0, shape[1])


def _beside(node: Any, name: str) -> list[Any]:
    """Return the nodes that add x A B to what `node` puts out, under the name that it had."""
    out = node.output[0]
    node.output[0] = f"{name}/without"
    return [
        helper.make_node("MatMul", [node.input[0], f"{name}.A"], [f"{name}/down"], name=f"{name}/down"),
        helper.make_node("MatMul", [f"{name}/down", f"{name}.B"], [f"{name}/up"], name=f"{name}/up"),
        helper.make_node("Add", [node.output[0], f"{name}/up"], [out], name=f"{name}/add"),
    ]
