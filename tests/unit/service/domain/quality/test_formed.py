"""A word of medicine is told from a slip by the parts it is built of."""

from __future__ import annotations

import pytest

from service.domain.quality.formed import is_formed


@pytest.mark.parametrize(
    "word",
    ["haemotympanum", "tenosynovitis", "sacroiliitis", "hydroureteronephrosis", "cholangiopancreatography",
     "thoracolumbar", "leiomyosarcoma", "spondylodiszitis", "hämatopneumothorax", "zystektomie", "kyphoskoliose"],
)  # fmt: skip
def test_a_word_of_known_parts_is_formed_in_either_language(word: str) -> None:
    assert is_formed(word)


@pytest.mark.parametrize(
    "word",
    ["tenosinovitis", "pnuemothorax", "pneumothroax", "effussion", "cholecistectomy", "osteoartritis", "hemothoraxx",
     "spondilitis", "kardiomegallie", "report", "abcdefgh", "itis", ""],
)  # fmt: skip
def test_a_slip_leaves_a_part_that_nobody_knows(word: str) -> None:
    assert not is_formed(word)


def test_a_long_row_of_parts_is_looked_at_in_no_time() -> None:
    assert not is_formed("hyperhypo" * 3_000 + "x")
