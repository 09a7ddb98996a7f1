"""From a checkpoint to a model folder, step by step."""

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from engine import goldens, layout
from engine.folder import ImageForm, digest_of, image_form

from export import verify
from export.card import Job, write_card
from export.checkpoint import Checkpoint, open_checkpoint
from export.decoder import write_decoder
from export.family import Family, Parts, find, optional
from export.graphs import write_graphs
from export.merge import merged
from export.room import make_room
from export.trouble import Differs
from export.words import chat_template, mark_of, write_words

Say = Callable[[str], None]
REPOSITORY = Path(__file__).resolve().parents[1]
"""Where the package `engine` lies."""
NOT_YET: dict[str, Any] = {
    "components": [],
    "prompts": 0,
    "greedy_tokens_identical": 0,
    "tokens": 0,
    "tokens_identical": 0,
    "pixels_max_difference": None,
    "differences": [],
}


def make(job: Job, *, say: Say) -> dict[str, Any]:
    """Make `job.out` and return its record; raises Differs where it differs and the job does not override that."""
    if not job.adapter:
        return make_of(job, say=say)
    beside = Path(job.out).parent
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=beside, prefix=".merging-") as temporary:
        say("merging the adapter into the weights")
        lora = merged(Path(job.checkpoint), Path(job.adapter), Path(temporary) / "checkpoint")
        say(f"rank {lora.rank}, {len(lora.pairs)} modules ({', '.join(lora.modules)})")
        return make_of(replace(job, checkpoint=str(Path(temporary) / "checkpoint")), say=say)


def make_of(job: Job, *, say: Say) -> dict[str, Any]:
    """Make `job.out` of its checkpoint as it lies there."""
    torch.set_num_threads(1)
    say("reading the checkpoint")
    checkpoint = replace(open_checkpoint(Path(job.checkpoint)), image_size=job.image_size)
    name, family = find(checkpoint)
    say(f"family {name}: loading the weights")
    parts = family.take_apart(checkpoint)
    model = Path(job.out)
    out = model / "1"
    out.mkdir(parents=True)
    form = write_version(job, checkpoint, family, parts, out, say)
    write_card(job, model, family=name, inexact=family.INEXACT, record=NOT_YET)
    layout.write(model, name=job.name, engine_parent=str(REPOSITORY))
    say("verifying")
    record = verified(job, checkpoint, family, parts, model, form, say)
    (out / "verify.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    write_card(job, model, family=name, inexact=family.INEXACT, record=record)
    if record["differences"] and not job.override:
        raise Differs(
            f"{job.name} is not the model that it was made of: {'; '.join(record['differences'])}. "
            "It is not served; --override REASON serves it all the same and says so everywhere"
        )
    return record


def write_version(
    job: Job, checkpoint: Checkpoint, family: Family, parts: Parts, out: Path, say: Say
) -> ImageForm | None:
    """Write everything that the digest counts."""
    say(f"building the decoder ({job.precision})")
    (optional(family, "write_decoder") or write_decoder)(checkpoint, parts, out, job.precision)
    if optional(family, "JOINS") is not None and job.adapters:
        room = make_room(out / "model.onnx")
        say(f"room for adapters beside {len(room.places)} matrices of {room.layers} layers")
    if parts.vision is not None:
        say("exporting vision and embedding")
        write_graphs(parts, out)
    write_words(checkpoint, out, own=optional(family, "TEMPLATE"), given=job.template)
    form = family.form(checkpoint, parts)
    if form["image"]:
        written = form["image"].get("mark") or form["image"]["token"]
        form["image"]["mark"] = mark_of(checkpoint, template_of(job, checkpoint, family), written)
    (out / "preread.json").write_text(json.dumps(form, indent=1) + "\n", encoding="utf-8")
    return image_form(form["image"]) if form["image"] else None


def template_of(job: Job, checkpoint: Checkpoint, family: Family) -> str:
    """Return the template that the framework's own tokenizer writes prompts by."""
    return chat_template(checkpoint, own=optional(family, "TEMPLATE"), given=job.template)


def verified(
    job: Job, checkpoint: Checkpoint, family: Family, parts: Parts, model: Path, form: ImageForm | None, say: Say
) -> dict[str, Any]:
    """Return what was compared; the goldens stay beside the model."""
    out = model / "1"
    found = list(verify.components(family, parts, out))
    for one in found:
        say(f"{one.name}: largest difference {one.difference:.2g} (allowed {one.allowed:.2g})")
    apart = verify.preprocessing(checkpoint, family, form) if form else None
    if apart is not None:
        say(f"pixel values: largest difference from the makers' {apart:.2g}")
    frame = np.load(job.frame) if job.frame and form else None
    template = template_of(job, checkpoint, family)
    asked = verify.answered(checkpoint, parts, template, form, frame, job.tokens)
    goldens.write(out, asked)
    outcome = goldens.ask(goldens.load_engine(model), asked, frame)
    say(f"greedy tokens: {outcome.tokens_identical} of {outcome.tokens} the same, {outcome.prompts} prompts")
    return verify.record(found, outcome, apart, digest_of(out))
