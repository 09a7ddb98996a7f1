"""Weights in half precision on disk, in single precision at work."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

SMALLEST = 512
"""Numbers that a tensor has at least for it to be worth the while."""


@torch.no_grad()
def round_weights(part: nn.Module) -> None:
    """Round what `shrink` will find to numbers that half precision can hold."""
    for weight in part.parameters():
        if weight.numel() >= SMALLEST:
            weight.copy_(weight.half().float())


def shrink(file: Path) -> None:
    """Store as halves every weight of a graph that loses nothing by it, with a node that widens it as it is loaded."""
    model = onnx.load(str(file))
    graph, widened = model.graph, []
    for place, weight in enumerate(graph.initializer):
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < SMALLEST:
            continue
        values = numpy_helper.to_array(weight)
        half = values.astype(np.float16)
        if not np.array_equal(half.astype(np.float32), values):
            continue
        wide, name = weight.name, f"{weight.name}_half"
        graph.initializer[place].CopyFrom(numpy_helper.from_array(half, name))
        widened.append(helper.make_node("Cast", [name], [wide], name=f"{name}_widen", to=TensorProto.FLOAT))
    nodes = [*widened, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    data = file.with_name(f"{file.name}.data")
    external = data.exists()
    data.unlink(missing_ok=True)
    onnx.save(model, str(file), save_as_external_data=external, location=data.name, size_threshold=SMALLEST)
