"""What Triton needs beside a model's own files: `config.pbtxt`, its variant for a GPU, and `1/model.py`.

    python triton_models/engine/layout.py FOLDER --engine-parent triton_models

For folders of models that write text, and of models that read images. A card without digest and Device UID gets those
of the files; one that has them is left as it is. Needs NumPy and Pillow alone.
"""

import argparse
import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

if __name__ == "__main__":
    # As a script this file is alone on the path; the package is found beside the models.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from engine.folder import ModelError, device_uid, digest_of, newest_version
from engine.image_form import read_image_model, reads_images

DOOR = Path(__file__).with_name("door.py")
PIXELS = {"presented": "TYPE_UINT16", "modality": "TYPE_INT16"}

CONFIG = """\
# The contract of deploy/docs/model-contract.md, version 2. Responses are streamed.
name: "{name}"
backend: "python"
max_batch_size: 0
input [
  {{ name: "CONTRACT_VERSION" data_type: TYPE_INT32 dims: [ 1 ] }},
  {{ name: "REQUEST" data_type: TYPE_STRING dims: [ 1 ] }},
  {{ name: "PIXELS" data_type: {pixels} dims: [ -1 ]{optional} }},
  {{ name: "SHAPES" data_type: TYPE_INT32 dims: [ -1, 2 ]{optional} }}
]
output [
{outputs}
]
{instances}
model_transaction_policy {{ decoupled: True }}
# Where the folder with the package `engine` lies; empty: the folder that holds this model.
parameters {{ key: "engine_parent" value: {{ string_value: "{engine_parent}" }} }}
# Threads; 0: what its size is worth, at most the cores.
parameters {{ key: "threads" value: {{ string_value: "0" }} }}
# cpu or cuda: what the model must run on, or it is not served; empty: what the server's environment says
# (PREREAD_MODELS__DEVICE), else what genai_config.json names.
parameters {{ key: "device" value: {{ string_value: "" }} }}
# Answers at once; more wait.
parameters {{ key: "concurrency" value: {{ string_value: "{concurrency}" }} }}
# Seconds without a step of any open answer after which the process ends; Triton starts it again. 0: never.
parameters {{ key: "silent_s" value: {{ string_value: "30" }} }}
"""
TEXT_OUTPUTS = """\
  { name: "TEXT" data_type: TYPE_STRING dims: [ -1 ] },
  { name: "LOGPROBS" data_type: TYPE_FP32 dims: [ -1 ] },
  { name: "FINISH" data_type: TYPE_STRING dims: [ 1 ] },
  { name: "USAGE" data_type: TYPE_STRING dims: [ 1 ] }"""
IMAGE_OUTPUTS = """\
  { name: "NAMES" data_type: TYPE_STRING dims: [ -1 ] },
  { name: "PROBABILITIES" data_type: TYPE_FP32 dims: [ -1 ] },
  { name: "BOXES" data_type: TYPE_FP32 dims: [ -1, 4 ] },
  { name: "MASK" data_type: TYPE_UINT8 dims: [ -1, -1, -1 ] },
  { name: "FINISH" data_type: TYPE_STRING dims: [ 1 ] },
  { name: "USAGE" data_type: TYPE_STRING dims: [ 1 ] }"""
ON_CPU = "instance_group [ { count: 1 kind: KIND_CPU } ]"
ON_GPU = """\
# For `tritonserver --model-config-name=gpu`. Not run where this was written: no GPU was there.
# The graph runs on ONNX Runtime's CUDA provider; a model that would fall back to the CPU does not load.
instance_group [ { count: 1 kind: KIND_GPU } ]"""
TEXT_AT_ONCE, IMAGES_AT_ONCE = 8, 2


def write(model: Path, *, name: str = "", engine_parent: str = "") -> None:
    """Write what Triton needs into the folder `model`; raises ModelError for a folder that is none.

    `name` is what the folder will be called, where that is not what it is called now; `engine_parent` the folder that
    holds the package `engine`, where it is not the one that holds `model`.
    """
    text = config(model, name=name, engine_parent=engine_parent)
    (model / "config.pbtxt").write_text(text, encoding="utf-8")
    if reads_images(model):
        (model / "configs").mkdir(exist_ok=True)
        variant = config(model, name=name, engine_parent=engine_parent, instances=ON_GPU)
        (model / "configs" / "gpu.pbtxt").write_text(variant, encoding="utf-8")
    shutil.copyfile(DOOR, newest_version(model) / "model.py")


def identify(model: Path) -> None:
    """Write digest and Device UID of the files into a card that has neither; raises ModelError.

    A card that names one is not touched: it may have been measured with other files.
    """
    card = model / "card.toml"
    try:
        text = card.read_text(encoding="utf-8")
        told = tomllib.loads(text)
        digest = digest_of(newest_version(model))
    except (OSError, ValueError) as e:
        raise ModelError(f"{model.name}: its card cannot be read: {e}") from e
    if "digest" not in told and "device_uid" not in told:
        lines = f'digest = "sha256:{digest}"\ndevice_uid = "{device_uid(digest)}"\n'
        card.write_text(lines + text, encoding="utf-8")


def config(model: Path, *, name: str = "", engine_parent: str = "", instances: str = ON_CPU) -> str:
    """Return the text of the folder's config.pbtxt; raises ModelError."""
    images = read_image_model(model) if reads_images(model) else None
    return CONFIG.format(
        name=name or model.name,
        pixels=PIXELS[images.input.values] if images else "TYPE_UINT16",
        optional="" if images else " optional: true",
        outputs=IMAGE_OUTPUTS if images else TEXT_OUTPUTS,
        instances=instances,
        engine_parent=engine_parent,
        concurrency=IMAGES_AT_ONCE if images else TEXT_AT_ONCE,
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Write the files of every folder that is named."""
    parser = argparse.ArgumentParser(description="Write config.pbtxt, configs/gpu.pbtxt and model.py for Triton.")
    parser.add_argument("folder", type=Path, nargs="+")
    parser.add_argument("--engine-parent", default="", help="the folder with `engine`, if not beside FOLDER")
    arguments = parser.parse_args(argv)
    try:
        for folder in arguments.folder:
            identify(folder)
            write(folder, engine_parent=arguments.engine_parent)
    except ModelError as e:
        raise SystemExit(str(e)) from e


if __name__ == "__main__":
    main()
