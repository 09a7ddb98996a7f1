"""A decoder of one layer of GroupQueryAttention with random weights, as GenAI's builder writes them, made by code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.unit.triton_models.by_path import ROOT, importable

importable(ROOT)

WORDS, WIDTH, HEADS, LONGEST = 24, 32, 2, 4096
SIZE = WIDTH // HEADS
DESCRIBED = {"filename": "model.onnx", "num_hidden_layers": 1, "num_key_value_heads": HEADS, "head_size": SIZE}
CACHED = [f"past_key_values.0.{part}" for part in ("key", "value")]
PRESENT = [name.replace("past_key_values", "present") for name in CACHED]


def table(words: int = WORDS) -> np.ndarray[Any, Any]:
    """The vector of each word."""
    return np.random.default_rng(4).standard_normal((words, WIDTH)).astype(np.float32)


def write(
    file: Path, *, counts_each: bool = True, goes_on: bool = True, embeds: bool = False, words: int = WORDS
) -> None:
    """Write the graph.

    One that does not count each row's tokens takes the mask's length for all; one that does not go on within a prompt
    says the contrary there; one that `embeds` takes vectors.
    """
    random = np.random.default_rng(3)
    node = helper.make_node
    counted = node("ReduceSum", ["attention_mask", "axis1"], ["count"], keepdims=0)
    given = "inputs_embeds" if embeds else "input_ids"
    nodes = [
        node("Shape", ["attention_mask"], ["rows_1"], start=0, end=1),
        node("Shape", ["attention_mask"], ["total_1"], start=1, end=2),
        node("Shape", [given], ["new_1"], start=1, end=2),
        node("Identity", [given], ["vectors"]) if embeds else node("Gather", ["table", given], ["vectors"]),
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
        node("MatMul", ["both", "out"], ["said"]),
        node("Equal", ["new_1", "total_1"], ["whole"]),
        node("Equal", ["new_1", "one"], ["single"]),
        node("Or", ["whole", "single"], ["plain"]),
        node("Where", ["plain", "plus", "plus" if goes_on else "minus"], ["sign"]),
        node("Mul", ["said", "sign"], ["logits"]),
    ]  # fmt: skip
    angles = np.arange(LONGEST)[:, None] * 0.5 ** np.arange(SIZE // 2)[None]
    weights: dict[str, Any] = {f"weights_{part}": random.standard_normal((WIDTH, WIDTH)) / 4 for part in "qkv"}
    weights |= {"table": table(words), "out": random.standard_normal((WIDTH, words))}
    weights |= {"cosines": np.cos(angles), "sines": np.sin(angles)}
    weights |= {"plus": np.array([1.0]), "minus": np.array([-1.0])}
    initializers = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    initializers += [numpy_helper.from_array(np.array([1], np.int64), name) for name in ("axis1", "one")]
    info, real, whole = helper.make_tensor_value_info, TensorProto.FLOAT, TensorProto.INT64
    inputs = [info(given, real, ["B", "S", WIDTH]) if embeds else info(given, whole, ["B", "S"])]
    inputs += [info("attention_mask", whole, ["B", "T"])]
    inputs += [info(name, real, ["B", HEADS, "P", SIZE]) for name in CACHED]
    outputs = [info("logits", real, ["B", "S", words])]
    outputs += [info(name, real, ["B", HEADS, "L", SIZE]) for name in PRESENT]
    graph = helper.make_graph(nodes, "attending", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), file)


def decoder_of(folder: Path, **kind: bool) -> Any:
    """The decoder of a graph that is written into `folder`."""
    from engine.decoder import Decoder
    from engine.sessions import open_session

    write(folder / "model.onnx", **kind)
    session = open_session(folder / "model.onnx", threads=1, device="cpu")
    return Decoder(session, DESCRIBED | {"num_attention_heads": HEADS}, "cpu")


def in_place_of(model: Path, *, words: int, **kind: bool) -> None:
    """Put the graph in place of that in the scripted model's folder `model`; whoever reads it must not verify it."""
    version = model / "1"
    write(version / "model.onnx", words=words, **kind)
    config = json.loads((version / "genai_config.json").read_text())
    config["model"]["decoder"] |= {**DESCRIBED, "hidden_size": WIDTH, "num_attention_heads": HEADS}
    config["model"]["context_length"] = LONGEST
    (version / "genai_config.json").write_text(json.dumps(config))
    from engine import folder

    digest, card = folder.digest_of(version), model / "card.toml"
    lines = card.read_text().splitlines()
    card.write_text("\n".join(f'digest = "{digest}"' if line.startswith("digest") else line for line in lines))
