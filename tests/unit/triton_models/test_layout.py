"""What Triton needs beside a model is written by one generator, and the demo model's files are its own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.support.scripted_image_model import Script, constant, write
from tests.unit.triton_models.by_path import ROOT, engine

layout = engine("layout")
DEMO = ROOT / "chest_demo"


def test_the_demo_models_files_are_those_that_the_generator_writes() -> None:
    assert (DEMO / "config.pbtxt").read_text() == layout.config(DEMO)
    assert (DEMO / "1" / "model.py").read_text() == layout.DOOR.read_text()


def test_an_image_model_gets_a_variant_for_a_gpu_and_pixels_as_its_form_has_them(tmp_path: Path) -> None:
    script = Script(
        task="classification",
        graph=constant(scores=[[0.5]]),
        input={"values": "modality"},
    )
    model = write(tmp_path, "tiny", script)
    config, variant = (model / "config.pbtxt").read_text(), (model / "configs" / "gpu.pbtxt").read_text()
    assert 'name: "PIXELS" data_type: TYPE_INT16 dims: [ -1 ] }' in config
    assert "KIND_CPU" in config
    assert "KIND_GPU" in variant
    assert "KIND_CPU" not in variant
    assert 'string_value: "' + str(ROOT) in config


def test_a_card_without_digest_gets_that_of_the_files_and_one_with_another_is_left_alone(tmp_path: Path) -> None:
    model = write(tmp_path, "tiny", Script(task="classification", graph=constant(scores=[[0.5]]), input={}))
    card, whole = model / "card.toml", (model / "card.toml").read_text()
    card.write_text("".join(line for line in whole.splitlines(True) if not line.startswith(("digest", "device_uid"))))
    layout.main([str(model)])
    assert tomllib.loads(card.read_text()) == tomllib.loads(whole)

    card.write_text(whole.replace("sha256:", "sha256:0"))
    with pytest.raises(SystemExit, match=r"put the files back that were measured.*layout.py writes digest"):
        layout.main([str(model)])
    assert "sha256:0" in card.read_text()
