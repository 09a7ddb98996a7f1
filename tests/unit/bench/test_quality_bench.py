"""The bench of the quality rules: enough clean reports, every kind injected, and recall that does not fall."""

from __future__ import annotations

import random

from service.domain.quality.inspect import inspect
from service.domain.quality.issue import Kind
from tests.bench.quality import case_of, clean_reports, recall
from tests.bench.quality_errors import ERRORS

LOWEST = {"typo": 0.95, "laterality": 0.85}
"""Recall that these kinds have at least, hints counted; 0.9 for the others."""
LOWEST_OF_ALARMS = LOWEST | {"impression against findings": 0.88}
"""The same by alarms alone."""


def test_there_are_two_hundred_clean_reports_and_an_injector_for_every_kind() -> None:
    assert len(clean_reports("all")) >= 200
    assert list(ERRORS) == [kind.value for kind in Kind if kind is not Kind.QUESTION]  # no report here has an order


def test_every_kind_is_found_in_the_development_reports_and_none_of_them_is_alarmed() -> None:
    clean = clean_reports("development")
    before = [inspect(case_of(each)) for each in clean]
    assert not [issue for issues in before for issue in issues if issue.likely]
    for kind in ERRORS:
        for hints, lowest in ((True, LOWEST), (False, LOWEST_OF_ALARMS)):
            right, injected = recall(kind, clean, before, hints=hints)
            assert injected >= 20, kind
            assert right / injected >= lowest.get(kind, 0.9), (kind, hints)


def test_an_injector_changes_what_it_is_given_and_is_the_same_each_time() -> None:
    clean = clean_reports("development")[0]
    for injector in ERRORS.values():
        one, other = (injector(clean, random.Random(1)) for _ in range(2))
        assert one == other
        assert one != clean
