"""Texts lose what is known of people and what looks like it, and keep what is said of the image."""

from __future__ import annotations

import pytest

from service.domain.pseudonym import Pseudonyms
from service.domain.scrub import Known, leaks, scrub

KNOWN = Known(
    names=frozenset({"Lindqvist^Maja^K", "Müller^Jörg", "Weiß^Anna", "山田^太郎", "Li^Wu"}),
    places=frozenset({"Heart Center Nord"}),
    numbers=frozenset({"MRN70002", "A26-4402", "1.2.3.4.5.6.7", "12"}),
    dates=frozenset({"19580211"}),
)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Pat. LINDQVIST, maja with effusion. Lindqvists heart.", "Pat. [name] with effusion. [name]s heart."),
        ("MUELLER Joerg, geb. 11.2.1958, 11.02.58, 1958-02-11", "[name], geb. [date], [date], [date]"),
        ("mrn 70 002 and a26 4402; A264402", "[number] and [number]; [number]"),
        ("Wei\u00adß and WEISS? Weiss saw it", "[name] and [name]? [name] saw it"),
        ("山田太郎 and 太郎", "[name] and [name]"),
        ("li wu here, li alone", "[name] here, li alone"),
        ("Seen in the heart center nord. The heart is normal.", "Seen in the [name]. The heart is normal."),
        ("Discussed with Dr. Meier-Schulz at 0151 2345678.", "Discussed with Dr. [name] at [number]."),
        ("Herr Prof. Dr. Schmidt; Mrs. O'Brien", "Herr Prof. Dr. [name]; Mrs. [name]"),
        ("on 3/12/2024, 12. März 2025, March 3rd, 2024", "on [date], [date], [date]"),
        ("a.b@example.org, https://x.example/y, 1.2.840.10008.1.2.3.4", "[address], [address], [number]"),
        ("A 95-year-old, not a 45-year-old", "A [age]-year-old, not a 45-year-old"),
    ],
)
def test_what_is_known_or_looks_like_it_is_marked(text: str, clean: str) -> None:
    assert scrub(text, KNOWN) == clean
    assert not leaks(clean, KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        "Nodule of 12 mm, 3.2 x 4.1 cm, in segment 3 (image 45/120).", "T4, L1-L5, HU -900 to 400.",
        "Herz 162 mm breit. Kein Erguss am Zwerchfell.", "No change since 2023.", "1. Effusion. 2. No nodule.",
        "Volume 10.5 ml; score 3.4.5.", "The right heart border is not seen.\n", "",
    ],
)  # fmt: skip
def test_what_is_said_of_an_image_stays(text: str) -> None:
    assert scrub(text, KNOWN) == text


def test_a_text_without_end_is_not_given_away() -> None:
    with pytest.raises(ValueError, match="too long"):
        scrub("x" * 20_001, KNOWN)


def test_a_pseudonym_follows_from_key_and_value_and_keeps_order_and_distance() -> None:
    one, other = Pseudonyms(b"k" * 32), Pseudonyms(b"o" * 32)
    assert one.of("patient", "4711") == one.of("patient", "4711") != one.of("reviewer", "4711")
    assert one.of("patient", "4711") != other.of("patient", "4711")
    assert one.of("patient", "") == ""
    assert one.uid("1.2.3.4").startswith("2.25.")
    assert len(one.uid("1.2.3.4")) <= 64
    assert one.uid("1.2.840.10008.1.2") == "1.2.840.10008.1.2"
    first, second = one.date("20260131", "p"), one.date("20260302", "p")
    assert (first < "20260101", int(second) > int(first), one.date("no date", "p")) == (True, True, "")
    assert one.date("20260131", "q") != first
    assert one.fingerprint != other.fingerprint
