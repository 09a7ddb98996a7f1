"""The parts of the export that need no framework: a checkpoint on disk, the card, the goldens."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from tests.support import tiny_checkpoint, tiny_told
from tests.unit.triton_models.by_path import ROOT, importable

importable(ROOT)

from engine import goldens  # noqa: E402 - importable from here on
from engine.folder import ImageForm, image_form  # noqa: E402
from engine.goldens import Golden  # noqa: E402
from export.card import table  # noqa: E402
from export.checkpoint import open_checkpoint  # noqa: E402
from export.family import names  # noqa: E402
from export.trouble import ExportError  # noqa: E402

FORM = ImageForm(
    rows=8, columns=8, mean=0.5, std=0.25, padding=0.0, filter="bicubic", token="<i>", tokens_per_image=4, max_images=1
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint.phi(tmp_path / "phi")


def test_a_whole_checkpoint_is_opened(folder: Path) -> None:
    assert open_checkpoint(folder).architecture == "PhiForCausalLM"


def test_no_family_is_listed_without_a_checkpoint_that_takes_it_to_tokens(tmp_path: Path) -> None:
    tried = {open_checkpoint(write(tmp_path / name)).architecture for name, write in tiny_told.LAYOUTS.items()}
    for name in names():
        source = (ROOT / "export" / "families" / f"{name}.py").read_text(encoding="utf-8")
        assert any(architecture in source for architecture in tried), name


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_weights_that_were_cut_short_are_named(folder: Path, kept: int) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(ExportError, match=r"model.safetensors .*(copy it again)"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", "lacks model.safetensors: weights are read from safetensors alone"),
        ("tokenizer.json", "has no tokenizer"),
    ],
)
def test_a_file_that_lacks_is_named(folder: Path, missing: str, sentence: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(ExportError, match=sentence):
        open_checkpoint(folder)


def test_a_shard_that_lacks_is_named(folder: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ExportError, match=r"lacks model-00002-of-00002\.safetensors"):
        open_checkpoint(folder)


def test_a_config_that_is_no_json_or_names_no_architecture_is_named(folder: Path) -> None:
    (folder / "config.json").write_text("{")
    with pytest.raises(ExportError, match=r"config\.json cannot be read"):
        open_checkpoint(folder)
    (folder / "config.json").write_text("{}")
    with pytest.raises(ExportError, match="names no architecture"):
        open_checkpoint(folder)


def test_a_card_is_read_as_it_was_written() -> None:
    lines = {
        "name": 'a "b" \\ ä',
        "memory_mb": 7,
        "largest difference": 1.5e-06,
        "modality": ["CR", "DX"],
        "demo": True,
    }
    assert tomllib.loads(table({**lines, "demo": 1})) == {**lines, "demo": 1}


def test_an_image_stands_in_the_prompt_as_its_form_says() -> None:
    form = image_form({**FORM.__dict__, "grid": [2, 2], "row_end": "/", "after": ".", "mean": [0.1, 0.2, 0.3]})
    assert FORM.text == "<i>" * 4
    assert form.text == "<i><i>/<i><i>."
    assert form.mean == (0.1, 0.2, 0.3)
    with pytest.raises(ValueError, match="has not 4 tokens"):
        image_form({**FORM.__dict__, "grid": [3, 2]})
    with pytest.raises(ValueError, match="is not known here"):
        image_form({**FORM.__dict__, "fit": "squeeze"})


def test_goldens_are_read_as_they_were_written(tmp_path: Path) -> None:
    asked = [
        Golden(text="Is there?", tokens=(1, 2), prompt_digest="sha256:0", prompt_tokens=3),
        Golden(text="Write.", image=(1, 20, 30), pixel_samples=(0.5,)),
    ]
    goldens.write(tmp_path, asked)
    assert goldens.read(tmp_path) == asked


def test_a_drawn_image_is_the_same_each_time_and_another_seed_is_another() -> None:
    one, same, other = goldens.draw(1, 40, 30), goldens.draw(1, 40, 30), goldens.draw(2, 40, 30)
    assert one.shape == (40, 30)
    assert one.dtype == np.uint16
    assert (one == same).all()
    assert (one != other).any()


def test_tokens_count_as_the_same_up_to_the_first_that_differs() -> None:
    assert goldens.alike((1, 2, 9, 4), (1, 2, 3, 4)) == 2
    assert goldens.alike((1, 2), (1, 2, 3)) == 2
