"""Letters of a page: right-to-left words as they are read, and a typeface for every character."""

from __future__ import annotations

import pytest

from dicom_nodes.objects.typeface import markup


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("שרון דבורה", "הרובד ןורש"),
        ("Sharon שרון דבורה 12", "Sharon הרובד ןורש 12"),
        ("no such word", "no such word"),
        ("שָׁלוֹם", "םוֹלשָׁ"),
    ],
)
def test_hebrew_runs_to_the_left_with_its_marks_and_the_rest_to_the_right(text: str, shown: str) -> None:
    assert markup(text) == shown


def test_arabic_letters_take_the_form_that_their_neighbours_ask_for() -> None:
    assert markup("نزار") == "ﺭﺍﺰﻧ"
    assert markup("د") == "ﺩ"


def test_a_name_stands_in_one_typeface_of_the_readers_own() -> None:
    assert markup("王小东") == '<font name="STSong-Light">王小东</font>'
    assert markup("山田") == '<font name="HeiseiKakuGo-W5">山田</font>'
    assert markup("홍길동") == '<font name="HYGothic-Medium">홍길동</font>'
