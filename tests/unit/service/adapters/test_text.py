"""Text is decoded by the character set that the object names, as the standard's examples have it (PS3.5 H to J)."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.text import MAX_CHARACTERS, clean, decode, encodings_of, values

EXAMPLES = [
    (b"ISO_IR 100", "Äneas^Rüdiger".encode("latin-1"), "Äneas^Rüdiger"),
    (b"ISO_IR 144", b"\xbb\xee\xda\x63\x65\xdc\xd1\x79\x70\xd3", "Люкceмбypг"),
    (b"ISO_IR 192", "Wang^XiaoDong=王^小東=".encode(), "Wang^XiaoDong=王^小東="),
    (b"GB18030", "Wang^XiaoDong=王^小东=".encode("gb18030"), "Wang^XiaoDong=王^小东="),
    (
        b"\\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        b"ISO 2022 IR 13\\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
    ),
    (
        b"\\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (
        b"\\ISO 2022 IR 58",
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东=",
    ),
    (
        b"ISO 2022 IR 100\\ISO 2022 IR 144",
        b"Dionys\xfc^\x1b-L\xbb\xee^\xfc",
        "Dionysü^Лю^ü",
    ),
]


@pytest.mark.parametrize(("terms", "raw", "wanted"), EXAMPLES, ids=lambda value: repr(value)[:30])
def test_a_name_is_what_its_character_set_says(terms: bytes, raw: bytes, wanted: str) -> None:
    assert decode(raw, encodings_of(terms)) == wanted


@pytest.mark.parametrize(
    ("terms", "encodings"),
    [
        (b"", ("iso8859",)),
        (b"ISO_IR 100 ", ("latin_1",)),
        (b"ISO-IR 100", ("latin_1",)),
        (b"ISO_IR 192\\ISO 2022 IR 87", ("UTF8",)),
        (b"ISO 2022 IR 6\\ISO_IR 192", ("iso8859",)),
        (b"made up", ("iso8859",)),
        (b"\xff\xfe", ("iso8859",)),
    ],
)
def test_odd_terms_fall_back(terms: bytes, encodings: tuple[str, ...]) -> None:
    assert encodings_of(terms) == encodings


def test_a_backslash_inside_a_character_separates_nothing() -> None:
    raw = "誠\\猫".encode("gb18030")
    assert raw.count(b"\\") == 2
    assert values(raw, ("GB18030",)) == ["誠", "猫"]


@given(raw=st.binary(max_size=3000), terms=st.one_of(st.binary(max_size=40), st.sampled_from([e[0] for e in EXAMPLES])))
def test_any_bytes_become_clean_text(raw: bytes, terms: bytes) -> None:
    text = clean(decode(raw, encodings_of(terms)))
    assert len(text) <= MAX_CHARACTERS
    assert text == unicodedata.normalize("NFC", text)
    assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)
    text.encode()
