"""The model folder: its digest is its identity, and its preprocessing is its own."""

import hashlib
import json
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.triton_models.by_path import ROOT, load

folder = load("engine/folder.py")
MODEL = ROOT / "chest_demo"
FORM = folder.ImageForm(
    rows=8, columns=8, mean=0.5, std=0.25, padding=0.0, filter="box", token="<i>", tokens_per_image=1, max_images=1
)


def test_the_card_names_the_digest_of_the_files_and_the_device_uid_made_from_it() -> None:
    card = tomllib.loads((MODEL / "card.toml").read_text(encoding="utf-8"))
    digest = folder.digest_of(MODEL / "1")
    assert card["digest"] == f"sha256:{digest}"
    assert card["device_uid"] == folder.device_uid(digest)
    assert card["device_uid"].startswith("2.25.")
    assert len(card["device_uid"]) <= 64


def test_the_digest_is_the_documented_one() -> None:
    files = sorted(file for file in (MODEL / "1").iterdir() if file.is_file())
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in files
        if file.name not in ("model.py", "verify.json")
    ]
    assert folder.digest_of(MODEL / "1") == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_the_folder_is_small_enough_to_ship() -> None:
    files = [file for file in MODEL.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert sum(file.stat().st_size for file in files) <= 10 * 2**20


def test_the_card_and_the_folder_agree_on_the_limits() -> None:
    card, read = tomllib.loads((MODEL / "card.toml").read_text(encoding="utf-8")), folder.read_folder(MODEL)
    assert card["limits"]["max_images"] == read.image.max_images
    assert read.domain is not None
    assert card["limits"]["domain_threshold"] == read.domain.threshold


def test_a_folder_whose_files_differ_from_its_card_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "model"
    (model / "1").mkdir(parents=True)
    shutil.copy(MODEL / "card.toml", model)
    for name in ("preread.json", "genai_config.json"):
        shutil.copy(MODEL / "1" / name, model / "1")
    with pytest.raises(folder.ModelError, match="the card says sha256:"):
        folder.read_folder(model)


def test_a_folder_without_a_card_or_a_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(folder.ModelError, match="not a readable model folder"):
        folder.read_folder(tmp_path)
    shutil.copy(MODEL / "card.toml", tmp_path)
    with pytest.raises(folder.ModelError, match="no numbered version"):
        folder.read_folder(tmp_path)


def test_an_image_keeps_its_aspect_ratio_and_stands_in_the_middle() -> None:
    fitted = folder.letterbox(np.full((40, 20), 65535, np.uint16), FORM)
    assert fitted.shape == (8, 8)
    assert fitted[:, 2:6].min() == 1
    assert fitted[:, :2].max() == fitted[:, 6:].max() == 0


def test_an_image_that_is_one_line_still_fits() -> None:
    assert folder.letterbox(np.full((1, 4000), 65535, np.uint16), FORM).shape == (8, 8)


def test_pixel_values_are_normalised_as_the_folder_says() -> None:
    white, black = np.full((16, 16), 65535, np.uint16), np.zeros((16, 16), np.uint16)
    values = folder.pixel_values([white, black], FORM)
    assert (values.shape, values.dtype) == ((2, 1, 8, 8), np.float32)
    assert (values[0].min(), values[1].max()) == (2, -2)


def test_a_grey_image_is_given_to_every_channel_with_its_own_mean() -> None:
    form = replace(FORM, mean=(0.5, 0.25), std=(0.25, 0.5), fit="stretch", depth=8)
    values = folder.pixel_values([np.full((16, 30), 65535, np.uint16)], form)
    assert values.shape == (1, 2, 8, 8)
    assert values[0, :, 0, 0].tolist() == [2, 1.5]


def test_an_image_that_covers_loses_its_ends_and_not_its_middle() -> None:
    image = np.zeros((16, 48), np.uint16)
    image[:, 16:32] = 65535
    assert folder.cover(image, replace(FORM, fit="cover")).min() == 1


def test_pixels_of_eight_bits_are_whole_grey_levels() -> None:
    image = np.full((8, 8), round(65535 * 100.4 / 255), np.uint16)
    assert np.allclose(folder.letterbox(image, replace(FORM, depth=8)) * 255, 100)


def verified(tmp_path: Path, record: dict[str, object] | None, *, override: str = "") -> Path:
    """A folder with the demonstration model's digested files, and `record` as what was compared."""
    model = tmp_path / "model"
    shutil.copytree(MODEL / "1", model / "1", ignore=shutil.ignore_patterns("verify.json", "__pycache__"))
    card = (MODEL / "card.toml").read_text(encoding="utf-8")
    (model / "card.toml").write_text(f'unverified_override = "{override}"\n{card}', encoding="utf-8")
    if record is not None:
        (model / "1" / "verify.json").write_text(json.dumps(record))
    return model


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (None, "never verified"),
        ({"digest": "sha256:0", "prompts": 8, "greedy_tokens_identical": 8}, "verified with other files"),
        ({"prompts": 8, "greedy_tokens_identical": 7}, "7 of 8 answers"),
        ({"prompts": 8, "greedy_tokens_identical": 8, "differences": ["vision.onnx differs"]}, "vision.onnx differs"),
    ],
)
def test_a_model_that_differs_or_was_never_compared_is_served_by_somebody_s_word_alone(
    record: dict[str, object] | None, why: str, tmp_path: Path
) -> None:
    with pytest.raises(folder.ModelError, match=f"model: .*{why}.*`preread models verify model`"):
        folder.read_folder(verified(tmp_path / "a", record))
    assert folder.read_folder(verified(tmp_path / "b", record), unverified=True)
    assert folder.read_folder(verified(tmp_path / "c", record, override="a trial (me)"))
