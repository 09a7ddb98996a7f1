"""From a PEFT adapter to a file that a served model takes in, and the proof that both answer alike.

The framework answers the model's own questions with the adapter as PEFT applies it; the serving engine answers them
with the file that was made, after a round without it, and then in turn with it and without.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from engine import goldens
from engine.adapters import FOLDER
from engine.folder import digest_of_file, read_folder
from engine.goldens import Golden, Outcome

from export import verify
from export.checkpoint import Checkpoint, open_checkpoint
from export.family import Family, Parts, find, optional
from export.fitting import Sizes, parameters
from export.lora import CONFIG, WEIGHTS, Floats, Lora, read_lora
from export.room import Room, room_of
from export.trouble import Differs, ExportError
from export.words import TEMPLATE

Say = Callable[[str], None]
MODULE = re.compile(r"(?:.*\.)?layers\.(\d+)\.(.+)")
FORMAT = 1
"""Of .onnx_adapter files."""
PACKAGES = ("torch", "transformers", "peft", "onnxruntime", "onnxruntime-genai")
WIDEST_MESSAGE = 500


@dataclass(frozen=True, kw_only=True)
class AdapterJob:
    """What `preread models adapter add` asks for; it comes as JSON."""

    model: str
    """The model folder."""
    checkpoint: str
    """The checkpoint that the model was made of."""
    adapter: str
    """The folder as PEFT saves it."""
    name: str
    licence: str = ""
    source: str = ""
    frame: str = ""
    override: str = ""
    """Why, and by whose word, it is to be served although it differs."""


def adapt(job: AdapterJob, *, say: Say) -> dict[str, Any]:
    """Put the adapter beside the model and return its record; raises ExportError, and Differs where it differs."""
    torch.set_num_threads(1)
    model = read_folder(Path(job.model), unverified=True)
    say("reading the adapter")
    lora = read_lora(Path(job.adapter))
    room = room_of(model.path / "model.onnx")
    if not room.places:
        raise ExportError(
            f"{model.name} has no room for adapters in its decoder: add it again by `preread models add`, or merge the "
            "adapter into a model of its own: `preread models add CHECKPOINT --adapter FOLDER`"
        )
    side = model.image.rows if model.image else 0
    checkpoint = replace(open_checkpoint(Path(job.checkpoint)), image_size=side)
    name, family = find(checkpoint)
    say(f"family {name}: loading the weights of the base")
    parts = family.take_apart(checkpoint)
    given = _fitted(lora, room, parts, family, model.name)
    say(f"rank {lora.rank}, {len(lora.pairs)} modules ({', '.join(lora.modules)})")
    frame = np.load(job.frame) if job.frame and model.image else None
    with tempfile.TemporaryDirectory(dir=model.path.parent.parent, prefix=f".adapting-{model.name}-") as temporary:
        twin = _twin(model.path, Path(temporary) / model.name)
        file = twin / FOLDER / f"{job.name}.onnx_adapter"
        write(given, file)
        say("asking the framework with the adapter")
        asked, component = _framework(job, lora, checkpoint, family, parts, model.path, given, frame)
        say(f"model.onnx: largest difference {component.difference:.2g} (allowed {component.allowed:.2g})")
        outcome, back = _served(twin.parent, goldens.read(model.path), asked, frame)
        say(f"greedy tokens: {outcome.tokens_identical} of {outcome.tokens} the same, {outcome.prompts} prompts")
        record = _record(job, lora, model.digest, digest_of_file(file), asked, component, outcome, back)
        if record["differences"] and not job.override:
            raise Differs(
                f"{model.name} with {job.name} is not what the framework makes of both: "
                f"{'; '.join(record['differences'])}. "
                "It is not served; --override REASON serves it all the same and says so everywhere"
            )
        _keep(record, file, model.path / FOLDER)
    return record


def write(given: Mapping[str, Floats], file: Path) -> None:
    """Write an .onnx_adapter file with what the decoder is given, by input."""
    file.parent.mkdir(exist_ok=True)
    made = ort.AdapterFormat()
    made.set_adapter_version(FORMAT)
    made.set_model_version(FORMAT)
    made.set_parameters({name: ort.OrtValue.ortvalue_from_numpy(value) for name, value in given.items()})
    made.export_adapter(str(file))


def sizes_of(decoder: Any) -> Sizes:
    """Return (in, out) of the matrices in the layers of a framework's decoder."""
    found = {}
    for name, module in decoder.named_modules():
        if (at := MODULE.fullmatch(name)) and isinstance(module, torch.nn.Linear):
            found[int(at[1]), at[2]] = (module.in_features, module.out_features)
    return found


def _fitted(lora: Lora, room: Room, parts: Parts, family: Family, name: str) -> dict[str, Floats]:
    try:
        return parameters(lora, room, sizes_of(parts.decoder), optional(family, "JOINS") or ())
    except ExportError as error:
        raise ExportError(f"the adapter is not for {name}: {error}") from None


def _twin(version_folder: Path, model: Path) -> Path:
    """Return the version folder again in `model`, without adapters; its files are the same files."""
    twin = model / version_folder.name
    twin.mkdir(parents=True)
    for folder, made in ((version_folder.parent, model), (version_folder, twin)):
        for file in folder.iterdir():
            if file.is_file():
                _link(file, made / file.name)
    return twin


def _link(file: Path, made: Path) -> None:
    try:
        os.link(file, made)
    except OSError:
        shutil.copyfile(file, made)


def _framework(
    job: AdapterJob, lora: Lora, checkpoint: Checkpoint, family: Family, parts: Parts, out: Path,
    given: Mapping[str, Floats], frame: Any,
) -> tuple[list[Golden], verify.Component]:  # fmt: skip
    """Return the model's questions with the framework's answers under the adapter, and how far the logits are."""
    template, form = (out / TEMPLATE).read_text(encoding="utf-8"), read_folder(Path(job.model), unverified=True).image
    count = max(one.max_tokens for one in goldens.read(out))
    _apply(lora, Path(job.adapter), parts)
    told = verify.answered(checkpoint, parts, template, form, frame, count)
    torch.manual_seed(13)
    ids = torch.randint(3, parts.decoder.config.vocab_size, (1, 12))
    component = verify.decoder_component(family, parts, out, ids, given)
    return [replace(one, adapter=job.name) for one in told], component


def _apply(lora: Lora, folder: Path, parts: Parts) -> None:
    """Have PEFT apply the adapter to the framework's model, in place.

    Its modules are called as the framework calls them today: between its versions the names of what holds the layers
    of a model with images have changed, and PEFT leaves out what it does not find, with a warning.
    """
    from peft import PeftModel
    from safetensors.torch import load_file, save_file

    whole = parts.whole if parts.whole is not None else parts.decoder
    inside = parts.decoder if parts.whole is None else getattr(parts.decoder, "text", parts.decoder)
    members = {id(module) for module in inside.modules()}
    today = {
        (int(at[1]), at[2]): name
        for name, module in whole.named_modules()
        if id(module) in members and (at := MODULE.fullmatch(name)) and isinstance(module, torch.nn.Linear)
    }
    names = {lora.names[key]: today[key] for key in lora.pairs}
    with tempfile.TemporaryDirectory() as temporary:
        renamed = {}
        for name, tensor in load_file(folder / WEIGHTS).items():
            module, half = name.removeprefix("base_model.model.").rsplit(".lora_", 1)
            renamed[f"base_model.model.{names[module]}.lora_{half.replace('.default', '')}"] = tensor
        save_file(renamed, Path(temporary) / WEIGHTS)
        config = {**lora.config, "target_modules": sorted(names.values()), "layers_to_transform": None,
                  "layers_pattern": None, "exclude_modules": None, "init_lora_weights": True}  # fmt: skip
        (Path(temporary) / CONFIG).write_text(json.dumps(config), encoding="utf-8")
        try:
            PeftModel.from_pretrained(whole, temporary, autocast_adapter_dtype=False).eval()
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise ExportError(f"PEFT does not take the adapter: {str(error)[:WIDEST_MESSAGE]}") from error


def _served(model: Path, base: Sequence[Golden], asked: Sequence[Golden], frame: Any) -> tuple[Outcome, list[str]]:
    """Ask the engine: without the adapter, with it, without it; then question by question in turn."""
    engine = goldens.load_engine(model)
    without = goldens.ask(engine, base, frame)
    outcome = goldens.ask(engine, asked, frame)
    mixed = [one for pair in zip(base, asked, strict=True) for one in pair]
    turns = goldens.ask(engine, mixed, frame)
    wrong = [f"without the adapter: {words}" for words in without.differences]
    if turns.tokens_identical < without.tokens_identical + outcome.tokens_identical:
        wrong.append("asked in turn with and without the adapter, answers are others")
    return outcome, wrong


def _record(
    job: AdapterJob, lora: Lora, model_digest: str, digest: str, asked: Sequence[Golden],
    component: verify.Component, outcome: Outcome, back: list[str],
) -> dict[str, Any]:  # fmt: skip
    graph = [] if component.difference <= component.allowed else [
        f"logits differ from the framework's by {component.difference:.2g} (allowed {component.allowed:.2g})"
    ]  # fmt: skip
    differences = [*graph, *back, *outcome.differences]
    return {
        "name": job.name,
        "digest": f"sha256:{digest}",
        "model_digest": model_digest,
        "licence": job.licence,
        "source": job.source,
        "trained_on": lora.base,
        "rank": lora.rank,
        "modules": list(lora.modules),
        **({"unverified_override": job.override} if job.override and differences else {}),
        "components": [component.told()],
        "prompts": outcome.prompts,
        "greedy_tokens_identical": outcome.identical,
        "tokens": outcome.tokens,
        "tokens_identical": outcome.tokens_identical,
        "graph_differences": graph,
        "differences": differences,
        "versions": {name: version(name) for name in PACKAGES},
        "goldens": [asdict(one) for one in asked],
    }


def _keep(record: Mapping[str, Any], file: Path, folder: Path) -> None:
    """Move both files beside the model: the record first, as an adapter without one is not served."""
    folder.mkdir(exist_ok=True)
    told = file.with_suffix(".json")
    told.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for one in (told, file):
        one.chmod(0o644)
        one.rename(folder / one.name)
