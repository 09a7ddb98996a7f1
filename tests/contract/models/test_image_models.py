"""What every engine owes a client that asks about images, held against models whose answers are known."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.domain.errors import Refused, Unavailable
from service.domain.image_model import Task
from service.ports.finish import Finish
from service.ports.image_models import ImageQuestion
from service.ports.models import Models
from tests.support import local_engine, triton_server
from tests.support.scripted_image_model import Script, constant, endless, mean_grey, pointwise, write

pytestmark = [pytest.mark.e2e]

SLIDING = {"sliding_window": {"overlap": 0.5, "blending": "gaussian"}}
HOUNSFIELD = {"dimensions": "3d", "size": [4, 8, 8], "values": "modality", "window": [-1000, 1000]}
SCRIPTS = {
    "classifier": Script(
        task="classification",
        graph=mean_grey(gain=8, offset=-4),
        input={"size": [16, 16], "fit": "letterbox"},
        output={"activation": "sigmoid"},
    ),
    "detector": Script(
        task="detection",
        graph=constant(boxes=np.float32([[8, 12, 24, 20]]), scores=np.float32([0.75]), labels=np.int64([0])),
        input={"size": [32, 32], "fit": "letterbox"},
        output={"boxes": {"format": "xyxy", "labelled": True, "labels": "labels"}},
    ),
    "segmenter": Script(
        task="segmentation",
        graph=pointwise(2, gain=20, offset=-10),
        input={},
        output={"activation": "sigmoid"},
        form=SLIDING,
    ),
    "volume": Script(
        task="segmentation",
        graph=pointwise(3, gain=20, offset=-10),
        input=HOUNSFIELD,
        output={"activation": "sigmoid"},
        form=SLIDING,
    ),
    "endless": Script(task="classification", graph=endless(), input={}),
}


@pytest.fixture(scope="module", params=["triton", "local"])
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    folder = tmp_path_factory.mktemp(request.param)
    repository = folder / "models"
    for name, script in SCRIPTS.items():
        write(repository, name, script)
    if request.param == "triton":
        with triton_server.serving(folder, repository, list(SCRIPTS)) as server:
            yield server.models
    else:
        with local_engine.serving(folder, repository) as served:
            yield served


def about(model: str, pixels: Any, *, timeout_s: float = 60, **more: Any) -> ImageQuestion:
    given = pixels if pixels.ndim == 3 else pixels[None]
    sources = tuple(f"2.25.{number}" for number in range(len(given)))
    task = Task(SCRIPTS[model].task)
    return ImageQuestion(model=model, task=task, pixels=given, sources=sources, timeout_s=timeout_s, **more)


def grey(value: float, rows: int = 16, columns: int = 16) -> Any:
    return np.full((rows, columns), round(value * 65535), np.uint16)


def test_the_probability_follows_the_image_and_the_answer_says_who_gave_it(models: Models) -> None:
    dark, bright = (models.look(about("classifier", grey(value))) for value in (0.25, 0.75))
    # sigmoid(8 * 0.25 - 4) = sigmoid(-2), and sigmoid(2)
    assert dark.probabilities == pytest.approx((0.119203,), abs=1e-4)
    assert bright.probabilities == pytest.approx((0.880797,), abs=1e-4)
    assert (bright.names, bright.finish) == (("nodule",), Finish.STOP)
    card = models.card("classifier")
    assert bright.digest == card.algorithm.digest
    assert card.image is not None
    assert bright.classes_digest == card.image.classes_digest
    assert bright.usage["execution_provider"] == "CPUExecutionProvider"


def test_a_box_is_in_source_pixels(models: Models) -> None:
    # 64 x 128 into 32 x 32: a quarter of the size, content from row 8 on.
    answer = models.look(about("detector", grey(0.5, 64, 128)))
    assert answer.boxes == ((32, 16, 96, 48),)
    assert answer.probabilities == (0.75,)


def test_a_mask_has_the_shape_of_its_image(models: Models) -> None:
    pixels = np.random.default_rng(2).integers(0, 65535, (37, 50)).astype(np.uint16)
    answer = models.look(about("segmenter", pixels))
    assert answer.mask is not None
    assert np.array_equal(answer.mask.labels[0] == 1, pixels / 65535 >= 0.5)
    assert answer.usage["windows"] > 1


def test_a_volume_of_signed_values(models: Models) -> None:
    pixels = np.random.default_rng(4).integers(-1000, 1000, (6, 20, 11)).astype(np.int16)
    answer = models.look(about("volume", pixels, spacing_mm=(0.7, 0.7), slice_spacing_mm=2.5))
    assert answer.mask is not None
    assert np.array_equal(answer.mask.labels == 1, pixels >= 0)


def test_a_model_that_never_ends_is_ended_at_the_deadline_and_answers_the_next(models: Models) -> None:
    with pytest.raises(Unavailable):
        models.look(about("endless", grey(1.0), timeout_s=0.5))
    assert models.look(about("endless", grey(0.0))).finish is Finish.STOP


def test_what_a_model_cannot_read_is_refused_with_a_reason(models: Models) -> None:
    with pytest.raises(Refused, match="classifier refused the question: 2 slices sent"):
        models.look(about("classifier", np.zeros((2, 8, 8), np.uint16)))
    with pytest.raises(Refused, match="does classification, not detection"):
        models.look(replace(about("classifier", grey(0.5)), task=Task.DETECTION))
    assert models.look(about("classifier", grey(0.5))).finish is Finish.STOP


def test_values_of_the_other_kind_are_refused(models: Models) -> None:
    with pytest.raises((Refused, Unavailable)):
        models.look(about("volume", np.zeros((4, 8, 8), np.uint16)))


def test_many_at_once_have_the_answers_that_each_has_alone(models: Models) -> None:
    values = [number / 16 for number in range(16)]
    found: dict[float, tuple[float, ...]] = {}

    def ask(value: float) -> None:
        found[value] = models.look(about("classifier", grey(value))).probabilities

    threads = [threading.Thread(target=ask, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = [1 / (1 + np.exp(4 - 8 * value)) for value in values]
    assert [found[value][0] for value in values] == pytest.approx(wanted, abs=1e-4)


def test_a_model_that_is_not_served_is_away(models: Models) -> None:
    with pytest.raises(Unavailable):
        models.look(replace(about("classifier", grey(0.5)), model="nowhere"))
