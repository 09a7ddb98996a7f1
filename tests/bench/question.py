"""The question of the benches: the bundled phantom as it is shown to a model, or words alone."""

from __future__ import annotations

import numpy as np
from pydicom import dcmread

from service.ports.models import ImagePart, Question
from tests.support.installation import REPOSITORY

PHANTOM = REPOSITORY / "deploy" / "examples" / "chest" / "phantom.dcm"


def about(model: str, *, image: bool, max_tokens: int) -> Question:
    """A request for a report; without `image` 128 characters, for a model of text."""
    parts = (_frontal(), "Write the report.") if image else ("abcdefgh" * 16,)
    return Question(model=model, parts=parts, max_tokens=max_tokens, timeout_s=120)


def _frontal() -> ImagePart:
    dataset = dcmread(PHANTOM)
    low = float(dataset.WindowCenter) - float(dataset.WindowWidth) / 2
    grey = np.clip((dataset.pixel_array.astype(np.float64) - low) / float(dataset.WindowWidth), 0, 1)
    return ImagePart(label="frontal", pixels=(grey * 65535).astype(np.uint16))
