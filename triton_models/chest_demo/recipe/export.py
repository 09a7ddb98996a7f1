"""Turn a checkpoint into a model folder for ONNX Runtime GenAI and prove that both write the same tokens.

    python export.py --run run --out triton_models/chest_demo/1

Writes decoder, vision.onnx, embedding.onnx, domain.onnx, tokenizer, genai_config.json, preread.json, and
verify.json with what was compared. Ends with an error where a token differs.

Weights ship rounded to half precision and are computed with in full: the files hold halves and the graphs widen them as
they are loaded. The trained model that the comparison takes for its measure carries the rounded weights, too.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import corpus
import halves
import network
import numpy as np
import pool
import prose
import tokens
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

DEFAULT_MAX_TOKENS = 320
DOMAIN_THRESHOLD = 0.5
OPSET = 18
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
DECODER_FILES = ("model.onnx", "model.onnx.data", "genai_config.json")
CAUTION = 1.0
"""By which a finding's logit must exceed even odds before it is told: what is invented costs a reader more than
what is missed. Chosen on the seed that calibrates, never on the one that measures."""
MAX_DIFFERENCE = 1e-3
"""Of a component's output between torch and ONNX Runtime."""


class Vision(nn.Module):
    """`pixel_values` (n, 1, SIDE, SIDE) to `image_features` (n * TOKENS, WIDTH)."""

    def __init__(self, reader: network.Reader) -> None:
        super().__init__()
        self.reader = reader

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return all images' features one after another."""
        return self.reader(pixel_values).reshape(-1, network.WIDTH)


class Embedding(nn.Module):
    """`input_ids` (1, length) and `image_features` to `inputs_embeds` (1, length, WIDTH)."""

    def __init__(self, reader: network.Reader) -> None:
        super().__init__()
        self.table = reader.decoder.model.embed_tokens

    def forward(self, input_ids: Tensor, image_features: Tensor) -> Tensor:
        """Return the words' embeddings, the image tokens replaced in order."""
        image = input_ids == tokens.IMAGE
        place = (image.long().flatten().cumsum(0).reshape(image.shape) - 1).clamp(min=0)
        # One row of zeros, so that a prompt without images has a row to point at.
        rows = torch.cat([image_features, torch.zeros(1, network.WIDTH)], 0)
        return torch.where(image[..., None], rows[place], self.table(input_ids))


def load(run: Path) -> tuple[network.Reader, network.Domain, Tokenizer]:
    """Return the trained parts in evaluation mode, as they are shipped: norms folded in, weights rounded."""
    tokenizer = Tokenizer.from_file(str(run / "tokenizer.json"))
    reader = network.Reader(tokenizer.get_vocab_size(), tokens.IMAGE)
    domain = network.Domain()
    reader.load_state_dict(torch.load(run / "reading.pt", weights_only=True)["part"])
    domain.load_state_dict(torch.load(run / "domain.pt", weights_only=True)["part"])
    with torch.no_grad():
        reader.heads.bias[:, 0] -= CAUTION
    for part in (reader.eval(), domain.eval()):
        fold(part)
        halves.round_weights(part)
    return reader, domain, tokenizer


def fold(part: nn.Module) -> None:
    """Replace each convolution and the norm behind it by one convolution that does the same."""
    for child in part.modules():
        if not isinstance(child, nn.Sequential):
            continue
        for at in range(len(child) - 1):
            first, second = child[at], child[at + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                child[at], child[at + 1] = fuse_conv_bn_eval(first, second), nn.Identity()


def export(reader: network.Reader, domain: network.Domain, tokenizer: Tokenizer, out: Path) -> None:
    """Write the model folder's files; what else lies in `out` stays."""
    with tempfile.TemporaryDirectory() as temporary:
        source, built = Path(temporary) / "hf", Path(temporary) / "built"
        reader.decoder.save_pretrained(source)
        tokens.save(tokenizer, source)
        _build_decoder(source, built)
        _configure(built / "genai_config.json")
        for name in DECODER_FILES:
            shutil.copyfile(built / name, out / name)
        halves.shrink(out / "model.onnx")
        for name in TOKENIZER_FILES:
            shutil.copyfile(source / name, out / name)
    _export_graphs(reader, domain, out)
    image = {key: getattr(pool.FORM, key) for key in ("rows", "columns", "padding", "filter", "token", "max_images")}
    measured = {"mean": network.MEAN, "std": network.STD, "tokens_per_image": network.TOKENS}
    form = {
        "image": image | measured,
        "default_max_tokens": DEFAULT_MAX_TOKENS,
        "domain": {"file": "domain.onnx", "threshold": DOMAIN_THRESHOLD},
    }
    (out / "preread.json").write_text(json.dumps(form, indent=1) + "\n", encoding="utf-8")


def _build_decoder(source: Path, built: Path) -> None:
    builder = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
    choice = ["-p", "fp32", "-e", "cpu", "-c", str(built.parent / "cache")]
    options = ["--extra_options", "exclude_embeds=true"]
    subprocess.run([*builder, "-i", str(source), "-o", str(built), *choice, *options], check=True)


def _configure(file: Path) -> None:
    """Make the builder's configuration of a decoder that of a model with vision."""
    config = json.loads(file.read_text(encoding="utf-8"))
    # The runtime's way for a decoder with one vision and one embedding graph; nothing of Gemma is in them.
    config["model"] |= {
        "type": "gemma3",
        "image_token_id": tokens.IMAGE,
        "vision": {
            "filename": "vision.onnx",
            "inputs": {"pixel_values": "pixel_values"},
            "outputs": {"image_features": "image_features"},
        },
        "embedding": {
            "filename": "embedding.onnx",
            "inputs": {"input_ids": "input_ids", "image_features": "image_features"},
            "outputs": {"inputs_embeds": "inputs_embeds"},
        },
    }
    file.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def _export_graphs(reader: network.Reader, domain: network.Domain, out: Path) -> None:
    torch.backends.mha.set_fastpath_enabled(False)
    pixels = torch.randn(2, 1, network.SIDE, network.SIDE)
    images, rows = {0: "images"}, {0: "image_tokens"}
    words = {0: "batch", 1: "length"}
    asked, features = torch.tensor([[1, tokens.IMAGE, tokens.IMAGE, 7]]), torch.randn(2, network.WIDTH)
    axes: dict[str, Any] = {"pixel_values": images, "image_features": rows}
    _graph(Vision(reader), (pixels,), out / "vision.onnx", axes)
    _graph(domain, (pixels,), out / "domain.onnx", {"pixel_values": images, "domain_score": images})
    axes = {"input_ids": words, "image_features": rows, "inputs_embeds": words}
    _graph(Embedding(reader), (asked, features), out / "embedding.onnx", axes)


def _graph(module: nn.Module, given: tuple[Tensor, ...], file: Path, axes: dict[str, Any]) -> None:
    """Export `module`; the axes' names are its inputs in order and then its output."""
    names = list(axes)
    torch.onnx.export(
        module.eval(),
        given,
        str(file),
        input_names=names[: len(given)],
        output_names=names[len(given) :],
        dynamic_axes=axes,
        opset_version=OPSET,
        dynamo=False,
    )
    halves.shrink(file)


@dataclass(frozen=True)
class Prompt:
    """What both sides are asked, and about which picture, if any."""

    sequence: list[int]
    pixels: NDArray[np.float32] | None


def prompts(tokenizer: Tokenizer, count: int) -> list[Prompt]:
    """Return prompts of all tasks in turn: three about pictures, with contexts and prefixes, then one of text."""
    rng = np.random.default_rng(4242)
    made = []
    for at in range(count):
        if at % 4 == 3:
            made.append(Prompt(tokens.prompt(tokenizer, prose.task(rng).question, images=0), None))
            continue
        kind = ("frontal", "lateral", "ct")[at % 3]
        (grey, shown), (_, other) = (pool.picture(rng, kind, "any") for _ in range(2))
        asked = corpus.example(rng, shown, other)
        pixels = ((grey - network.MEAN) / network.STD)[None, None].astype(np.float32)
        made.append(Prompt(tokens.prompt(tokenizer, asked.question, asked.given), pixels))
    return made


def verify(
    reader: network.Reader, domain: network.Domain, tokenizer: Tokenizer, out: Path, count: int
) -> dict[str, Any]:
    """Return what was compared between torch and the runtime on `count` prompts of all tasks, all greedy."""
    import onnxruntime as ort
    import onnxruntime_genai as og

    asked = prompts(tokenizer, count)
    pixels = np.concatenate([each.pixels for each in asked if each.pixels is not None])
    with torch.no_grad():
        wanted = Vision(reader)(torch.from_numpy(pixels)).numpy(), domain(torch.from_numpy(pixels)).numpy()
    got = [
        ort.InferenceSession(out / name).run(None, {"pixel_values": pixels})[0]
        for name in ("vision.onnx", "domain.onnx")
    ]
    model = og.Model(str(out))
    same = sum(_torch_tokens(reader, each) == _runtime_tokens(og, model, each) for each in asked)
    return {
        "prompts": count,
        "greedy_tokens_identical": same,
        "vision_max_difference": float(np.abs(wanted[0] - got[0]).max()),
        "domain_max_difference": float(np.abs(wanted[1] - got[1]).max()),
        "weights": "rounded to half precision, computed with in single",
        "versions": {name: version(name) for name in ("torch", "onnxruntime", "onnxruntime-genai", "transformers")},
    }


@torch.no_grad()
def _torch_tokens(reader: network.Reader, prompt: Prompt) -> list[int]:
    asked = torch.tensor([prompt.sequence])
    embedded = reader.decoder.model.embed_tokens(asked)
    if prompt.pixels is not None:
        embedded = reader.embeddings(asked, reader(torch.from_numpy(prompt.pixels)))
    told = reader.decoder.generate(
        inputs_embeds=embedded,
        attention_mask=torch.ones_like(asked),
        max_new_tokens=DEFAULT_MAX_TOKENS,
        do_sample=False,
    )
    return [int(token) for token in told[0] if token != tokens.END]


def _runtime_tokens(og: Any, model: Any, prompt: Prompt) -> list[int]:
    params, length = og.GeneratorParams(model), len(prompt.sequence)
    params.set_search_options(max_length=length + DEFAULT_MAX_TOKENS, do_sample=False)
    generator, inputs = og.Generator(model, params), og.NamedTensors()
    if prompt.pixels is None:
        generator.append_tokens(np.array(prompt.sequence, np.int32))
    else:
        inputs["input_ids"] = np.array([prompt.sequence], np.int32)
        inputs["pixel_values"] = prompt.pixels
        inputs["num_image_tokens"] = np.array([network.TOKENS], np.int64)
        generator.set_inputs(inputs)
    while not generator.is_done():
        generator.generate_next_token()
    return [int(token) for token in generator.get_sequence(0)[length:] if token != tokens.END]


def main(argv: Sequence[str] | None = None) -> None:
    """Export, verify, and say so."""
    parser = argparse.ArgumentParser(description="Export the demonstration model and verify it.")
    parser.add_argument("--run", type=Path, required=True, help="what train.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="the version folder")
    parser.add_argument("--prompts", type=int, default=200, help="to compare")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(1)
    parts = load(arguments.run)
    arguments.out.mkdir(parents=True, exist_ok=True)
    export(*parts, arguments.out)
    result = verify(*parts, arguments.out, arguments.prompts)
    (arguments.out / "verify.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))
    apart = max(result["vision_max_difference"], result["domain_max_difference"])
    if result["greedy_tokens_identical"] < arguments.prompts or apart > MAX_DIFFERENCE:
        raise SystemExit("the exported model does not write what the trained one writes")


if __name__ == "__main__":
    main()
