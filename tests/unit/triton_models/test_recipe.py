"""The recipe still leads to a model: a minute of training sees, a stopped run goes on, the export writes the same.

Needs torch and the recipe's other packages (triton_models/chest_demo/recipe/requirements.in): in this interpreter, or
in the one that PREREAD_TRAIN_PYTHON names.
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.triton_models.by_path import ROOT

RECIPE = ROOT / "chest_demo" / "recipe"
PYTHON = os.environ.get("PREREAD_TRAIN_PYTHON") or (sys.executable if importlib.util.find_spec("torch") else "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not PYTHON, reason="torch is not installed: name an interpreter with PREREAD_TRAIN_PYTHON"),
]


def test_the_recipe_leads_to_a_model_resumes_and_exports_it(tmp_path: Path) -> None:
    command = [PYTHON, str(RECIPE / "rehearse.py"), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=880, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "rehearsed"
