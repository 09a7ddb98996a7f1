"""A checkpoint that cannot become the model it is: named, with the remedy, and nothing half-made is left."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from service.adapters.exporter import ExportFailed, answers, export, find_python
from service.domain.errors import Misconfigured, Refused
from tests.contract.export.conftest import SCRIPT, made
from tests.support import tiny_checkpoint
from tests.support.installation import REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1200)]

GOLDENS = REPOSITORY / "triton_models" / "engine" / "goldens.py"


def test_a_decoder_of_four_bits_is_not_the_model_and_is_kept_only_by_somebody_s_word(
    exporting_python: Path, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match=r"rounded is not the model .* greedy tokens are the framework's.*--override"):
        made("phi", "rounded", tmp_path, exporting_python, precision="int4")
    model, record = made("phi", "kept", tmp_path, exporting_python, precision="int4", override="trial (me)")
    assert record["differences"]
    assert 'unverified_override = "trial (me)"' in (model / "card.toml").read_text()


def test_weights_that_lack_or_have_another_shape_are_named(exporting_python: Path, tmp_path: Path) -> None:
    for name, wrong in (("lacks", {}), ("shaped", {"lm_head.bias": (7,)})):
        folder = tiny_checkpoint.phi(tmp_path / "checkpoints" / name)
        shapes = {"model.embed_tokens.weight": (tiny_checkpoint.vocabulary(), 64), **wrong}
        tiny_checkpoint.write_safetensors(folder / "model.safetensors", tiny_checkpoint.random_weights(shapes))
        with pytest.raises(ExportFailed, match=r"lacks weights|another shape|do not fit"):
            made("phi", name, tmp_path, exporting_python)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"architectures": ["MambaForCausalLM"]}, "no family takes MambaForCausalLM; there are .*phi: PhiForCausalLM"),
        ({"qk_layernorm": True}, "normalises queries and keys"),
        ({"architectures": None}, "names no architecture"),
    ],
)
def test_a_family_that_is_not_known_is_named_with_those_that_are(
    change: dict[str, object], sentence: str, exporting_python: Path, tmp_path: Path
) -> None:
    folder = tiny_checkpoint.phi(tmp_path / "checkpoints" / "other")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(ExportFailed, match=sentence):
        made("phi", "other", tmp_path, exporting_python)


def test_goldens_say_where_the_model_no_longer_answers_as_it_did(exporting_python: Path, tmp_path: Path) -> None:
    model, _ = made("phi", "golden", tmp_path, exporting_python)
    assert answers(model, GOLDENS, None)["differences"] == []
    file = model / "1" / "goldens" / "goldens.json"
    told = json.loads(file.read_text())
    told["goldens"][0]["tokens"][3] += 1
    file.write_text(json.dumps(told))
    again = answers(model, GOLDENS, None)
    assert again["identical"] == 7
    assert "greedy tokens are the framework's, 7 of 8 answers" in again["differences"][0]


def test_the_frame_of_another_dicom_file_is_noticed(exporting_python: Path, tmp_path: Path) -> None:
    frame = tmp_path / "frame.npy"
    np.save(frame, np.arange(6400, dtype=np.uint16).reshape(80, 80))
    model, _ = made("pixtral", "dicom", tmp_path, exporting_python, frame=str(frame))
    assert answers(model, GOLDENS, frame)["prompts"] == 8
    np.save(frame, np.zeros((80, 80), np.uint16))
    assert "another frame" in answers(model, GOLDENS, frame)["differences"][0]


def test_a_python_without_the_extra_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"lacks torch(.|\n)*uv venv(.|\n)*uv pip install(.|\n)*'torch>="):
        find_python([REPOSITORY / ".venv" / "bin" / "python"])
    with pytest.raises(Misconfigured, match="does not start"):
        find_python([tmp_path / "none"])


def test_a_child_that_dies_leaves_a_sentence(exporting_python: Path, tmp_path: Path) -> None:
    dies = tmp_path / "dies.py"
    dies.write_text("import sys; print('not json'); sys.exit('out of luck')")
    with pytest.raises(ExportFailed, match="the export of x ended without a word: out of luck"):
        export(exporting_python, dies, {"name": "x"}, say=print)
    assert SCRIPT.is_file()
