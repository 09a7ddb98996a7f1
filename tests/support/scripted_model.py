"""A model that answers what a test wrote into it: a few kB of ONNX in the layout of the real families.

It has the parts that a real one has (vision, embedding and decoder graphs, the demo model's tokenizer and chat
template, a card) and goes through the same engine. The answer is chosen by the mean grey of the images: of n answers
the darkest n-th of the grey scale gets the first. Further sets of answers stand behind adapters.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import onnxruntime_genai as og
from onnx import TensorProto, helper, numpy_helper

from tests.support.installation import REPOSITORY
from tests.unit.triton_models.by_path import load

DEMO = REPOSITORY / "triton_models" / "chest_demo"
END = 2
_SIZES = json.loads((DEMO / "1" / "genai_config.json").read_text())["model"]
VOCABULARY, CONTEXT = int(_SIZES["vocab_size"]), int(_SIZES["context_length"])
"""Those of the demo model, whose tokenizer it has."""
WIDTH = 4
OPSET, IR_VERSION = 17, 9
IMAGE_FORM = {
    "rows": 8, "columns": 8, "mean": 0.0, "std": 1.0, "padding": 0.0, "filter": "box", "token": "<|image|>",
    "tokens_per_image": 1, "max_images": 4,
}  # fmt: skip

folder = load("engine/folder.py")


@dataclass(frozen=True, kw_only=True)
class Script:
    """What the model does."""

    answers: Sequence[str]
    adapters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """As many other answers for each, which the adapter of that name brings."""
    images: bool = True
    """Whether it takes images; one that does not gives its first answer."""
    endless: bool = False
    """It repeats its last answer's last token and never ends."""
    not_a_number: bool = False
    """Its logits are no numbers."""
    engine: str = "genai"
    described: Mapping[str, int] = field(default_factory=dict)
    """What its configuration says of its decoder besides; another size than the graph's is a mistake."""
    work: int = 0
    """Side of a matrix that each token multiplies: what makes it slow."""
    memory_mb: int = 1024
    limits: str = ""
    """Lines of the card's table of limits."""


def write(repository: Path, name: str, script: Script) -> Path:
    """Write the model folder `name` into `repository` and return it."""
    model = repository / name
    version = model / "1"
    version.mkdir(parents=True)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "model.py"):
        shutil.copy2(DEMO / "1" / file, version / file)
    if script.images:
        _vision(version / "vision.onnx")
        _embedding(version / "embedding.onnx")
    _decoder(version, script)
    _configuration(version / "genai_config.json", script)
    form = {
        "engine": script.engine,
        "image": IMAGE_FORM if script.images else None,
        "default_max_tokens": 160,
        "domain": None,
    }
    (version / "preread.json").write_text(json.dumps(form))
    config = (DEMO / "config.pbtxt").read_text().replace('"chest_demo"', f'"{name}"')
    (model / "config.pbtxt").write_text(
        config.replace(
            '"engine_parent" value: { string_value: ""', f'"engine_parent" value: {{ string_value: "{DEMO.parent}"'
        )
    )
    digest = folder.digest_of(version)
    record = {"digest": f"sha256:{digest}", "prompts": 1, "greedy_tokens_identical": 1, "differences": []}
    (version / "verify.json").write_text(json.dumps(record))
    for adapter in script.adapters:
        told = version / "adapters" / f"{adapter}.onnx_adapter"
        own = {"digest": f"sha256:{folder.digest_of_file(told)}", "model_digest": f"sha256:{digest}",
               "licence": "Apache-2.0", "source": "A script.", "trained_on": ""}  # fmt: skip
        told.with_suffix(".json").write_text(json.dumps(record | own))
    (model / "card.toml").write_text(
        f'name = "{name}"\nversion = "1"\ndigest = "sha256:{digest}"\ndevice_uid = "{folder.device_uid(digest)}"\n'
        f'licence = "Apache-2.0"\nsource = "A script."\nintended_use = "Tests."\ndemo = true\n'
        f"memory_mb = {script.memory_mb}\n[limits]\n{script.limits}\n"
    )
    return model


@cache
def _tokenizer() -> Any:
    return og.Tokenizer(str(DEMO / "1"))


def _table(answers: Sequence[str], length: int) -> list[list[int]]:
    rows = [[int(token) for token in _tokenizer().encode(answer)] for answer in answers]
    return [row + [END] * (length - len(row)) for row in rows]


def _decoder(version: Path, script: Script) -> None:
    """One table look-up: the step counts up in the key cache, the answer's row is kept in the value cache."""
    sets = [script.answers, *script.adapters.values()]
    length = max(len(_tokenizer().encode(answer)) for answers in sets for answer in answers) + (not script.endless)
    table = np.array([_table(answers, length) for answers in sets], np.int64).reshape(-1)
    node = helper.make_node
    nodes = [
        *_seen(script.images),
        # Keys hold the number of the step, from 0 for the whole prompt.
        node("Slice", ["past_key_values.0.key", "zero", "one", "axis3"], ["past_steps"]),
        node("Concat", ["minus_one_4d", "past_steps"], ["steps"], axis=2),
        node("Slice", ["steps", "minus_one", "far", "axis2"], ["last_step"]),
        node("Add", ["last_step", "one_f"], ["step"]),
        # Values hold what the prompt's images looked like.
        node("Slice", ["seen", "zero", "one", "axis2"], ["grey_3d"]),
        node("Slice", ["grey_3d", "minus_one", "far", "axis1"], ["grey_last"]),
        node("Unsqueeze", ["grey_last", "axis1"], ["grey_now"]),
        node("Slice", ["past_key_values.0.value", "zero", "one", "axis3"], ["past_greys"]),
        node("Concat", ["grey_now", "past_greys"], ["greys"], axis=2),
        node("Slice", ["greys", "minus_one", "far", "axis2"], ["grey"]),
        node("Unsqueeze", ["seen", "axis1"], ["like_tokens"]),
        node("Mul", ["like_tokens", "zero_f"], ["zeros"]),
        node("Add", ["zeros", "step"], ["new_key"]),
        node("Add", ["zeros", "grey"], ["new_value"]),
        node("Concat", ["past_key_values.0.key", "new_key"], ["present.0.key"], axis=2),
        node("Concat", ["past_key_values.0.value", "new_value"], ["present.0.value"], axis=2),
        # The row of the answer, the place in it, the token.
        node("Mul", ["grey", "rows_f"], ["row_f"]),
        node("Cast", ["row_f"], ["row_any"], to=TensorProto.INT64),
        node("Min", ["row_any", "last_row"], ["row"]),
        node("Slice", ["new_key", "zero", "one", "axis3"], ["place_4d"]),
        node("Cast", ["place_4d"], ["place_any"], to=TensorProto.INT64),
        node("Min", ["place_any", "last_place"], ["place"]),
        node("Cast", ["lora.set"], ["set"], to=TensorProto.INT64),
        node("Mul", ["set", "rows"], ["set_rows"]),
        node("Add", ["row", "set_rows"], ["row_in_table"]),
        node("Mul", ["row_in_table", "length"], ["offset"]),
        node("Add", ["place", "offset"], ["at_4d"]),
        node("Squeeze", ["at_4d", "axes13"], ["at"]),
        node("Gather", ["table", "at"], ["token"]),
        node("OneHot", ["token", "vocabulary", "off_on"], ["certain"], axis=-1),
        *_work(script.work),
        node("Add", ["certain", "spent"], ["logits_true"]),
        node("Mul", ["logits_true", "truth"], ["logits"]),
    ]
    rows = len(script.answers)
    values: dict[str, Any] = {
        "zero": np.array([0], np.int64), "one": np.array([1], np.int64), "minus_one": np.array([-1], np.int64),
        "far": np.array([1 << 40], np.int64), "axis1": np.array([1], np.int64), "axis2": np.array([2], np.int64),
        "axis3": np.array([3], np.int64), "axes01": np.array([0, 1], np.int64), "axes13": np.array([1, 3], np.int64),
        "widths": np.array([1, 1, WIDTH], np.int64),
        "minus_one_4d": np.full((1, 1, 1, 1), -1, np.float32), "one_f": np.float32(1), "zero_f": np.float32(0),
        "rows_f": np.float32(rows), "rows": np.int64(rows), "last_row": np.int64(rows - 1),
        "last_place": np.int64(length - 1), "length": np.int64(length), "table": table,
        "vocabulary": np.int64(VOCABULARY), "off_on": np.array([0, 20], np.float32),
        "lora.set": np.zeros((1,), np.float32), "truth": np.float32(np.nan if script.not_a_number else 1),
    }  # fmt: skip
    cached = [f"past_key_values.0.{part}" for part in ("key", "value")]
    inputs = [
        _float("inputs_embeds", [1, "S", WIDTH]) if script.images else _whole("input_ids", [1, "S"]),
        _whole("attention_mask", [1, "T"]),
        *(_float(name, [1, 1, "P", WIDTH]) for name in cached),
        _float("lora.set", [1]),  # an initializer, too: without an adapter it is 0
    ]
    outputs = [
        _float("logits", [1, "S", VOCABULARY]),
        *(_float(name.replace("past_key_values", "present"), [1, 1, "Q", WIDTH]) for name in cached),
    ]
    _save(version / "model.onnx", nodes, inputs, outputs, values)
    for number, name in enumerate(script.adapters, 1):
        adapter = ort.AdapterFormat()
        adapter.set_adapter_version(1)
        adapter.set_model_version(1)
        adapter.set_parameters({"lora.set": ort.OrtValue.ortvalue_from_numpy(np.full((1,), number, np.float32))})
        (version / "adapters").mkdir(exist_ok=True)
        adapter.export_adapter(str(version / "adapters" / f"{name}.onnx_adapter"))


def _seen(images: bool) -> list[Any]:
    """Nodes that give `seen` (1, S, WIDTH): what the embedding graph made of the images, or nothing."""
    node = helper.make_node
    if images:
        return [node("Identity", ["inputs_embeds"], ["seen"])]
    return [
        node("Cast", ["input_ids"], ["ids_f"], to=TensorProto.FLOAT),
        node("Mul", ["ids_f", "zero_f"], ["nothing"]),
        node("Unsqueeze", ["nothing", "axis2"], ["column"]),
        node("Tile", ["column", "widths"], ["seen"]),
    ]


def _work(side: int) -> list[Any]:
    """Nodes that give `spent`, a zero that takes time."""
    node = helper.make_node
    if not side:
        return [node("Mul", ["step", "zero_f"], ["spent_4d"]), node("ReduceSum", ["spent_4d"], ["spent"], keepdims=0)]
    shape = helper.make_tensor("", TensorProto.INT64, [2], [side, side])
    return [
        node("Constant", [], ["side"], value=shape),
        node("Squeeze", ["step", "axes01"], ["step_2d"]),
        node("Expand", ["step_2d", "side"], ["matrix"]),
        node("MatMul", ["matrix", "matrix"], ["product"]),
        node("ReduceSum", ["product"], ["sum"], keepdims=0),
        node("Mul", ["sum", "zero_f"], ["spent"]),
    ]


def _vision(file: Path) -> None:
    """One feature for each image: its mean grey, WIDTH times."""
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["pixel_values"], ["grey"], axes=[1, 2, 3], keepdims=0),
        node("Unsqueeze", ["grey", "axis1"], ["column"]),
        node("Tile", ["column", "repeats"], ["image_features"]),
    ]
    values = {"axis1": np.array([1], np.int64), "repeats": np.array([1, WIDTH], np.int64)}
    _save(file, nodes, [_float("pixel_values", ["n", 1, 8, 8])], [_float("image_features", ["n", WIDTH])], values)


def _embedding(file: Path) -> None:
    """Every token is embedded as the mean of the images' greys, or 0 without any."""
    node = helper.make_node
    nodes = [
        node("Concat", ["image_features", "row_of_zeros"], ["features"], axis=0),
        node("ReduceSum", ["features"], ["sum"], keepdims=0),
        node("Shape", ["image_features"], ["shape"]),
        node("Slice", ["shape", "zero", "one", "zero"], ["count"]),
        node("Cast", ["count"], ["count_f"], to=TensorProto.FLOAT),
        node("Mul", ["count_f", "width_f"], ["numbers"]),
        node("Max", ["numbers", "one_f"], ["at_least_one"]),
        node("Div", ["sum", "at_least_one"], ["grey"]),
        node("Shape", ["input_ids"], ["tokens"]),
        node("Concat", ["tokens", "width"], ["wanted"], axis=0),
        node("Expand", ["grey", "wanted"], ["inputs_embeds"]),
    ]
    values: dict[str, Any] = {
        "row_of_zeros": np.zeros((1, WIDTH), np.float32), "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64), "one_f": np.array([1], np.float32),
        "width": np.array([WIDTH], np.int64), "width_f": np.float32(WIDTH),
    }  # fmt: skip
    ids = _whole("input_ids", [1, "S"])
    features = _float("image_features", ["n", WIDTH])
    _save(file, nodes, [ids, features], [_float("inputs_embeds", [1, "S", WIDTH])], values)


def _configuration(file: Path, script: Script) -> None:
    """The demo model's, with the sizes of this decoder."""
    config = json.loads((DEMO / "1" / "genai_config.json").read_text())
    if not script.images:
        config["model"] = {k: v for k, v in config["model"].items() if k not in {"vision", "embedding"}}
        config["model"]["type"] = "llama"
        inputs = config["model"]["decoder"]["inputs"]
        inputs["input_ids"] = inputs.pop("inputs_embeds").replace("inputs_embeds", "input_ids")
    config["model"]["decoder"] |= {
        "head_size": WIDTH,
        "hidden_size": WIDTH,
        "num_attention_heads": 1,
        "num_hidden_layers": 1,
        "num_key_value_heads": 1,
        **script.described,
    }
    config["search"]["past_present_share_buffer"] = False
    file.write_text(json.dumps(config))


def _whole(name: str, shape: list[int | str]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.INT64, shape)


def _float(name: str, shape: list[int | str]) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _save(file: Path, nodes: list[Any], inputs: list[Any], outputs: list[Any], values: dict[str, Any]) -> None:
    initializers = [numpy_helper.from_array(np.array(value), name) for name, value in values.items()]
    graph = helper.make_graph(nodes, "scripted", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, file)
