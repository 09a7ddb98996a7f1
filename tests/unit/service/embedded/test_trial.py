"""The trial of Triton: asked once, and a failure told in one sentence."""

from pathlib import Path

import pytest

from service.embedded.missing import Missing
from service.embedded.trial import gist, passed, verdict
from service.embedded.tritonserver import Triton

TRITON = Triton(home=Path("/cache/tritonserver"), libpython=Path("/usr/lib/x"))
NUMPY_SAYS = """Internal: ImportError:

IMPORTANT: PLEASE READ THIS FOR ADVICE ON HOW TO SOLVE THIS ISSUE!

Original error was: PyCapsule_Import could not import module "datetime"
;
At:
  /x/numpy/__init__.py(117): <module>"""


def test_a_triton_that_worked_once_is_not_tried_again(tmp_path: Path) -> None:
    tried: list[Triton] = []
    for _ in range(2):
        assert passed(TRITON, tmp_path, lambda words: None, attempt=tried.append) == TRITON
    assert tried == [TRITON]


def test_a_failure_is_told_and_tried_again_next_time(tmp_path: Path) -> None:
    with pytest.raises(Missing, match=r"does not work here \(no luck\)\."):
        passed(TRITON, tmp_path, lambda words: None, attempt=lambda triton: "no luck")
    assert passed(TRITON, tmp_path, lambda words: None, attempt=lambda triton: None) == TRITON


def test_a_ready_model_is_nothing_to_talk_about() -> None:
    assert verdict([{"name": "trial", "version": "1", "state": "READY"}]) is None


def test_a_traceback_is_cut_down_to_its_gist() -> None:
    assert gist(NUMPY_SAYS) == 'PyCapsule_Import could not import module "datetime"'
    assert verdict([{"name": "trial", "state": "UNAVAILABLE", "reason": NUMPY_SAYS}]) == gist(NUMPY_SAYS)
    assert gist("ModuleNotFoundError: No module named 'x'\n\nAt:\n  model.py(3)") == "No module named 'x'"
    assert gist("version 1 is at UNAVAILABLE state") == "version 1 is at UNAVAILABLE state"


def test_a_model_that_is_not_even_listed_is_a_failure() -> None:
    assert verdict([]) == "the model did not load"
