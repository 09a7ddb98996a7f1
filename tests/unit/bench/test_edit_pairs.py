"""The hand-classed pairs are whole, apart, and classed as far as the published figures say."""

from __future__ import annotations

from service.domain.edit import BESIDE, EditClass
from tests.bench.edits.__main__ import PARTS, figures, pairs


def test_every_class_has_pairs_in_both_parts_and_no_pair_stands_in_both() -> None:
    development, held_out = (list(pairs(part)) for part in PARTS)
    assert len(development) + len(held_out) >= 120
    for part in (development, held_out):
        assert {each for pair in part for each in pair.wanted} == {*EditClass} - BESIDE
    assert not {(pair.before, pair.after) for pair in development} & {(pair.before, pair.after) for pair in held_out}


def test_the_published_figures_are_those_of_the_rules() -> None:
    def shown(part: str) -> dict[str, tuple[float, float]]:
        return {name: (round(r / given, 2), round(r / wanted, 2)) for name, (r, given, wanted) in figures(part).items()}

    assert shown("held_out") == {
        "insert": (1.0, 1.0), "delete": (1.0, 1.0), "negation": (1.0, 0.79), "laterality": (1.0, 0.83),
        "measurement": (1.0, 0.92), "severity": (1.0, 0.85), "reword": (0.62, 1.0),
    }  # fmt: skip
    assert min(min(each) for each in shown("development").values()) >= 0.9
