"""The engine for models that read images: what it says of graphs whose answers are known, and what it refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.scripted_image_model import (
    LUNG,
    NODULE,
    Script,
    blurred,
    constant,
    endless,
    pointwise,
    write,
    write_card,
)
from tests.unit.triton_models.by_path import engine

image, contract, messages = engine("image"), engine("contract"), engine("image_contract")
ModelError, ContractError = engine("folder").ModelError, contract.ContractError

CLASSIFIER = Script(
    task="classification",
    graph=constant(logits=np.float32([[0.0, 2.0, -1.0]])),
    input={},
    classes=(None, "nodule", "lung"),
    output={"activation": "softmax"},
)
HEAVY = constant(logits=np.float32([[0, 1, 2]]), ballast=np.zeros(1 << 23, np.float32))
BOXES = {"boxes": np.float32([[8, 4, 24, 20], [9, 4, 25, 20], [0, 0, 4, 4]])}
DETECTOR = Script(
    task="detection",
    graph=constant(**BOXES, scores=np.float32([0.9, 0.8, 0.3]), labels=np.int64([1, 1, 1])),
    input={"size": [32, 32], "fit": "letterbox"},
    classes=(None, "nodule"),
    output={"boxes": {"format": "xyxy", "labelled": True, "labels": "labels"}},
)
SEGMENTER = Script(
    task="segmentation",
    graph=pointwise(2, gain=20, offset=-10),
    input={"multiple_of": 4},
    output={"activation": "sigmoid"},
)
VOLUME = Script(
    task="segmentation",
    graph=pointwise(3, gain=20, offset=-10),
    input={"dimensions": "3d", "size": [4, 8, 8], "values": "modality", "window": [-1000, 1000]},
    output={"activation": "sigmoid"},
)


def changed(script: Script, **changes: Any) -> Script:
    return Script(**{**script.__dict__, **changes})


def load(folder: Path, script: Script, name: str = "tiny") -> Any:
    return image.Engine.load(write(folder, name, script), threads=1)


def ask(loaded: Any, pixels: Any, **more: Any) -> Any:
    """The last answer about `pixels`, an image or a volume."""
    given = pixels if pixels.ndim == 3 else pixels[None]
    request = messages.Request(task=loaded.model.task, pixels=given, **more)
    return list(loaded.generate(loaded.parse(messages.encode_request(request))))[-1]


def grey(rows: int, columns: int, value: float = 0.0) -> Any:
    return np.full((rows, columns), round(value * 65535), np.uint16)


def test_softmax_over_the_background_too_and_only_what_means_something_is_told(tmp_path: Path) -> None:
    answer = ask(load(tmp_path, CLASSIFIER), grey(8, 8))
    # exp(0), exp(2), exp(-1) = 1, 7.389056, 0.367879; their sum is 8.756935.
    assert answer.names == ("nodule", "lung")
    assert answer.probabilities == pytest.approx([0.843795, 0.042010], abs=1e-6)
    assert answer.finish == "stop"
    assert answer.usage["execution_provider"] == "CPUExecutionProvider"


def test_a_temperature_divides_the_logits(tmp_path: Path) -> None:
    answer = ask(load(tmp_path, changed(CLASSIFIER, card="temperature = 2.0")), grey(8, 8))
    # exp(0), exp(1), exp(-0.5) = 1, 2.718282, 0.606531; their sum is 4.324813.
    assert answer.probabilities == pytest.approx([0.628532, 0.140244], abs=1e-6)


def test_platt_scaling_bends_one_classs_logit(tmp_path: Path) -> None:
    script = changed(
        CLASSIFIER,
        graph=constant(logits=np.float32([[2.0, -1.0]])),
        classes=("nodule", "lung"),
        output={"activation": "sigmoid"},
        tables={"nodule": f"{NODULE}\nplatt = [0.5, -1.0]", "lung": LUNG},
    )
    answer = ask(load(tmp_path, script), grey(8, 8))
    # 0.5 * 2 - 1 = 0, so one half; sigmoid(-1) = 0.268941 is left as it is.
    assert answer.probabilities == pytest.approx([0.5, 0.268941], abs=1e-5)


def test_boxes_come_back_in_source_pixels_through_the_letterbox(tmp_path: Path) -> None:
    # 64 rows, 128 columns into 32 x 32: a quarter of the size, 16 rows of content from row 8 on.
    answer = ask(load(tmp_path, DETECTOR), grey(64, 128))
    assert answer.names == ("nodule",), "0.8 overlaps 0.9 by more than half, 0.3 is below the threshold"
    assert answer.probabilities == pytest.approx([0.9])
    # left 8 / 0.25 = 32, right 96; top (4 - 8) / 0.25 is above the image, bottom (20 - 8) / 0.25 = 48.
    assert answer.boxes.tolist() == [[32, 0, 96, 48]]


def test_boxes_may_be_normalised_and_have_a_score_for_each_class(tmp_path: Path) -> None:
    script = changed(
        DETECTOR,
        graph=constant(boxes=np.float32([[[0.5, 0.5, 0.25, 0.5]]]), scores=np.float32([[[-2.0, 1.0]]])),
        input={"size": [32, 32], "fit": "resize"},
        classes=("lung", "nodule"),
        output={"activation": "sigmoid", "boxes": {"format": "cxcywh", "normalised": True}},
        tables={"nodule": f"{NODULE}\nthreshold = 0.7", "lung": LUNG},
    )
    answer = ask(load(tmp_path, script), grey(40, 80))
    assert answer.names == ("nodule",), "sigmoid(1) = 0.731; sigmoid(-2) = 0.119 is below the other's threshold"
    assert answer.boxes.tolist() == [[30, 10, 50, 30]]


def test_a_mask_is_what_lies_above_the_threshold_in_source_pixels(tmp_path: Path) -> None:
    pixels = grey(7, 10)
    pixels[2:5, 3:9] = 65535
    pixels[0, 0] = round(0.55 * 65535)  # sigmoid(1) = 0.73
    answer = ask(load(tmp_path, SEGMENTER), pixels)
    assert answer.mask.shape == (1, 7, 10)
    assert np.array_equal(answer.mask[0] == 1, pixels > 32768)
    strict = changed(SEGMENTER, tables={"nodule": f"{NODULE}\nthreshold = 0.8"})
    assert ask(load(tmp_path, strict, "strict"), pixels).mask.sum() == 18


def test_of_two_classes_the_more_probable_takes_the_pixel(tmp_path: Path) -> None:
    graph = pointwise(2, gain=4, offset=0, channels=3)
    graph[2]["bias"] = np.float32([0, -3, -1])
    script = changed(
        SEGMENTER, graph=graph, classes=(None, "nodule", "lung"), output={"activation": "softmax"},
        tables={"nodule": NODULE, "lung": f"{LUNG}\nthreshold = 0.2"},
    )  # fmt: skip
    graph[2]["weight"] = np.float32([0, 6, 2]).reshape(3, 1, 1, 1)
    pixels = np.concatenate([grey(8, 8, 0), grey(8, 8, 0.75), grey(8, 8, 1)])
    answer = ask(load(tmp_path, script), pixels)
    # logits at 0: 0, -3, -1; at 0.75: 0, 1.5, 0.5; at 1: 0, 3, 1
    assert answer.names == ("nodule", "lung")
    assert [int(answer.mask[0, row, 0]) for row in (0, 8, 16)] == [0, 1, 1]


def test_a_volume_in_hounsfield_units_through_its_window(tmp_path: Path) -> None:
    pixels = np.full((6, 9, 11), -900, np.int16)
    pixels[1:4, 2:5, 3:8] = 700
    answer = ask(load(tmp_path, VOLUME), pixels)
    assert np.array_equal(answer.mask == 1, pixels > 0)


def test_windows_of_a_pointwise_model_say_what_the_whole_says(tmp_path: Path) -> None:
    pixels = np.random.default_rng(3).integers(-1000, 1000, (9, 21, 17)).astype(np.int16)
    whole = ask(load(tmp_path, VOLUME), pixels)
    for blending in ("gaussian", "constant"):
        script = changed(VOLUME, form={"sliding_window": {"overlap": 0.5, "blending": blending}})
        parts = ask(load(tmp_path, script, blending), pixels)
        assert np.array_equal(parts.mask, whole.mask)
        assert parts.usage["windows"] == 4 * 5 * 4, "steps of 2, 4, 4 over 9, 21, 17"


def test_windows_differ_only_where_a_window_ends_for_a_model_that_looks_around(tmp_path: Path) -> None:
    pixels = np.random.default_rng(5).integers(0, 65535, (16, 16)).astype(np.uint16)
    script = changed(SEGMENTER, graph=blurred(gain=40, offset=-20))
    sliding = changed(script, form={"sliding_window": {"overlap": 0.75, "blending": "gaussian"}})
    whole, parts = (
        ask(load(tmp_path, one, name), pixels).mask for one, name in ((script, "whole"), (sliding, "parts"))
    )
    assert (whole != parts).mean() < 0.02


def test_an_image_is_resampled_to_the_models_spacing_and_the_mask_comes_back(tmp_path: Path) -> None:
    script = changed(SEGMENTER, input={"spacing_mm": [2.0, 2.0]})
    pixels = grey(32, 48)
    pixels[8:24, 16:40] = 65535
    loaded = load(tmp_path, script)
    answer = ask(loaded, pixels, spacing_mm=(1.0, 1.0))
    assert answer.mask.shape == (1, 32, 48)
    assert (answer.mask[0] == 1)[9:23, 17:39].all()
    assert not (answer.mask[0] == 1)[:7].any()
    with pytest.raises(ContractError, match="a spacing of its own, and the spacing of this one is not known"):
        ask(loaded, pixels)


def test_the_engine_moves_with_each_window_and_ends_when_it_is_told(tmp_path: Path) -> None:
    script = changed(SEGMENTER, form={"sliding_window": {}})
    loaded = load(tmp_path, script)
    request = messages.Request(task="segmentation", pixels=grey(16, 16)[None])
    answers = [one.finish for one in loaded.generate(request)]
    assert answers == [""] * 9 + ["stop"]
    for why in ("cancelled", "deadline"):
        assert [one.finish for one in loaded.generate(request, lambda why=why: why)] == [why]


def test_the_engine_asks_before_each_window_whether_to_go_on(tmp_path: Path) -> None:
    loaded = load(tmp_path, changed(SEGMENTER, form={"sliding_window": {}}))
    request = messages.Request(task="segmentation", pixels=grey(16, 16)[None])
    moved = 0

    def stop() -> str:
        return "cancelled" if moved == 3 else ""

    finishes = []
    for answer in loaded.generate(request, stop):
        finishes.append(answer.finish)
        moved += 1
    assert finishes == ["", "", "", "cancelled"]


def test_a_graph_that_never_ends_is_ended(tmp_path: Path) -> None:
    script = changed(CLASSIFIER, graph=endless(), classes=("nodule",), output={})
    loaded = load(tmp_path, script)
    stop = engine("turns").stopper(lambda: False, 0.2)
    request = messages.Request(task="classification", pixels=grey(8, 8, 1.0)[None])
    assert [one.finish for one in loaded.generate(request, stop)] == ["deadline"]
    assert ask(loaded, grey(8, 8)).finish == "stop", "and answers the next"


@pytest.mark.parametrize(
    ("pixels", "task", "said"),
    [
        (np.zeros((1, 8, 8), np.int16), "classification", r"reads presented values \(uint16\), not int16"),
        (np.zeros((2, 8, 8), np.uint16), "classification", "2 slices sent, tiny reads one image at a time"),
        (np.zeros((1, 8, 8), np.uint16), "detection", "tiny does classification, not detection"),
    ],
)
def test_what_the_model_cannot_read_is_refused(pixels: Any, task: str, said: str, tmp_path: Path) -> None:
    loaded = load(tmp_path, CLASSIFIER)
    with pytest.raises(ContractError, match=said):
        list(loaded.generate(messages.Request(task=task, pixels=pixels)))


def test_an_image_beyond_the_memory_of_the_card_is_refused_with_both_numbers(tmp_path: Path) -> None:
    loaded = load(tmp_path, changed(SEGMENTER, memory_mb=64))
    with pytest.raises(ContractError, match=r"needs about 256 MB and the card of tiny allows 64: raise memory_mb"):
        ask(loaded, grey(4096, 4096))


def test_output_that_is_not_numbers_is_no_answer(tmp_path: Path) -> None:
    graph = pointwise(2, gain=math.inf, offset=0)
    with pytest.raises(ModelError, match=r"tiny: .*not numbers: verify the model"):
        load(tmp_path, changed(SEGMENTER, graph=graph))


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (changed(CLASSIFIER, classes=("nodule",)), r"gives \[1, 3\], and by preread.json it would be \[1, 1\]"),
        (changed(SEGMENTER, input={"channels": 3}, graph=pointwise(2, gain=1, offset=0)), "could not be run"),
        (changed(CLASSIFIER, output={"activation": "none"}), "they are probabilities: set output.activation"),
        (changed(CLASSIFIER, graph=constant(logits=np.float32([[0, math.nan, 0]]))), "is not numbers"),
        (changed(DETECTOR, graph=constant(box=np.float32([[0, 0, 1, 1]]))), "has no output boxes, labels, scores"),
        (changed(DETECTOR, graph=constant(**BOXES, scores=np.float32([1]), labels=np.int64([1]))), r"gives \[1\]"),
        (changed(SEGMENTER, input={"sise": [8, 8]}), "preread.json.input has unknown fields: sise"),
        (changed(SEGMENTER, input={"fit": "stretch"}), "fit must be one of letterbox, native, resize, got 'stretch'"),
        (changed(SEGMENTER, input={"fit": "resize"}, form={"sliding_window": {}}), "needs the native fit"),
        (changed(VOLUME, input={**VOLUME.input, "fit": "letterbox"}), "a letterbox is for images"),
        (
            changed(CLASSIFIER, memory_mb=1, graph=HEAVY),
            "allows 1: raise",
        ),
        (changed(CLASSIFIER, form={"domain": {"file": "domain.onnx", "threshold": 0.5}}), "domain.onnx is missing"),
        (changed(CLASSIFIER, form={"file": "other.onnx"}), "other.onnx is missing: put it beside preread.json"),
    ],
)
def test_a_folder_that_is_not_what_it_says_is_not_served(script: Script, said: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"^tiny: (?!tiny).*{said}"):
        load(tmp_path, script)


def test_a_changed_file_is_not_served_under_the_old_digest(tmp_path: Path) -> None:
    model = write(tmp_path, "tiny", CLASSIFIER)
    form = json.loads((model / "1" / "preread.json").read_text())
    (model / "1" / "preread.json").write_text(json.dumps(form, indent=1))
    with pytest.raises(ModelError, match=r"tiny: the files have digest .*, the card says sha256:"):
        image.Engine.load(model)
    write_card(model, CLASSIFIER)
    assert image.Engine.load(model).identity()["model"] == "tiny"


def test_a_graph_that_was_cut_off_is_not_loaded(tmp_path: Path) -> None:
    model = write(tmp_path, "tiny", CLASSIFIER)
    whole = (model / "1" / "model.onnx").read_bytes()
    (model / "1" / "model.onnx").write_bytes(whole[: len(whole) // 2])
    write_card(model, CLASSIFIER)
    with pytest.raises(ModelError, match=r"tiny: model.onnx could not be loaded"):
        image.Engine.load(model)


def test_a_card_whose_classes_are_not_the_forms_is_not_served(tmp_path: Path) -> None:
    model = write(tmp_path, "tiny", CLASSIFIER)
    write_card(model, changed(CLASSIFIER, classes=("nodule",)))
    with pytest.raises(ModelError, match=r"names the classes \['lung', 'nodule'\].* for \['nodule'\]: every class"):
        image.Engine.load(model)


def test_a_gpu_that_was_asked_for_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    model = write(tmp_path, "tiny", CLASSIFIER)
    with pytest.raises(ModelError, match=r"tiny: model.onnx could not be loaded: .*install requirements-gpu.lock"):
        image.Engine.load(model, device="cuda")
