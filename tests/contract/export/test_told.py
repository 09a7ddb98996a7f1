"""The plain engine's families against the framework, on more than the goldens ask: several images, begun answers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.contract.export.conftest import made
from tests.support import tiny_told
from tests.support.installation import REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

COMPARE = REPOSITORY / "tests" / "support" / "compare_told.py"
PROMPTS, TOKENS = 30, 24


@pytest.mark.parametrize("layout", sorted(tiny_told.FAMILIES))
def test_every_greedy_token_and_logit_is_the_framework_s(layout: str, exporting_python: Path, tmp_path: Path) -> None:
    model, record = made(layout, layout, tmp_path, exporting_python)
    assert record["pixels_max_difference"] == 0
    checkpoint = tmp_path / "checkpoints" / layout
    words = [exporting_python, COMPARE, checkpoint, model, str(PROMPTS), str(TOKENS)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    print(layout, found)
    assert found["same"] == found["prompts"] == found["different_answers"] == PROMPTS
    assert found["logits_apart"] < 1e-4 * found["largest_logit"]
    assert found["with_images_same_untold"] < found["with_images"], "telling the decoder makes the difference"
