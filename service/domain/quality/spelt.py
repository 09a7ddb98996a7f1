"""Spelt: whether a word is right, and if not, which word it is one slip away from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from service.domain.quality.formed import is_formed
from service.domain.quality.lexicon import CHECKED, KNOWN
from service.domain.quality.words import known, often

_LETTERS = "abcdefghijklmnopqrstuvwxyzäöüß"
_GERMAN = re.compile(
    r"\b(?:der|die|das|und|mit|kein\w*|ohne|nicht|im|ist|beidseits|links|rechts|befund|beurteilung|unauffällig\w*"
    r"|regelrecht\w*)\b",
    re.IGNORECASE,
)
_ENGLISH = re.compile(
    r"\b(?:the|and|with|no|of|is|are|in|without|not|left|right|normal|findings|impression)\b", re.IGNORECASE
)
_ENDINGS = ("s", "is", "um", "ae", "us", "es", "ed", "d", "ing", "ly", "al", "ally", "e", "en", "er", "em", "n", "r",
            "ic", "ity", "or", "y", "ies",
            "ness", "able", "ive", "ation", "ations", "like", "ar", "ous", "ungen", "ung", "isch", "ische", "ischer",
            "isches", "ischen", "es", "ens", "ern")  # fmt: skip
_DERIVED = ("s", "es", "ed", "ing", "ly", "able", "ability", "ated", "ating", "ness", "less", "like", "ized",
            "ization", "ist", "ism", "ful", "ish", "ward", "wards", "wise", "shaped")  # fmt: skip
_LATIN = ("is", "es", "us", "um", "i", "ae", "a", "os", "e", "on")
_SHORTEST_STEM = 5
_BEGINNINGS = (
    "abdomino", "ante", "anti", "antero", "arterio", "auto", "bi", "broncho", "cardio", "cervico", "cholecysto",
    "cholangio",
    "contra", "cortico", "costo", "cranio", "cysto", "dis", "endo", "entero", "epi", "extra", "femoro", "fibro", "fore",
    "gastro", "glosso", "hemi", "hemo", "haemo", "hepato", "hyper", "hypo", "ileo", "infero", "infra", "inter", "intra",
    "ischio", "juxta", "kardio", "latero", "lumbo", "lympho", "macro", "mal", "medio", "meso", "micro", "mikro", "mid",
    "mono", "multi", "musculo", "myo", "naso", "nephro", "neuro", "non", "oro", "osteo", "over", "pan", "para",
    "patello",
    "pelvi", "per", "peri", "pleuro", "pneumo", "poly", "post", "postero", "prä", "pre", "pro", "pseudo", "pyelo",
    "radio",
    "re", "recto", "reno", "retro", "sacro", "scapulo", "semi", "spleno", "spondylo", "steno", "sterno", "sub", "super",
    "supero", "supra", "teil", "tele", "thoraco", "thorako", "thrombo", "trans", "tri", "ultra", "un", "under", "uni",
    "uretero", "utero", "vaso", "ventro", "ventriculo", "vertebro", "vesico", "video", "zervi",
)  # fmt: skip
_ENDS = re.compile(
    r"(?:itis|osis|oses|omas?|omata|ectomy|ectomies|ostomy|otomy|plasty|graphy|graphic|scopy|scopic|gram|grams|centesis"
    r"|pathy|pathic|emia|uria|megaly|algia|lysis|lytic|plasia|plastic|penia|rrhaphy|desis|trophy|trophic|genic|grade"
    r"|graphie|skopie|ektomie|ostomie|otomie|plastik|pathie|ämie|urie|megalie|algie|plasie|penie|itiden|ose|osen)$"
)
"""What many right words of medicine end in that no list has."""
_PLURALS = ("s", "es", "en", "n", "e", "er", "em")
_SHORTEST_PART = 4
_JOINTS = ("", "s", "es", "n", "en", "e", "er")


@dataclass(frozen=True, slots=True)
class Guess:
    """What a word was meant for; `likely` where the word itself may not be a right one that no list has."""

    word: str
    likely: bool
    term: bool = False
    """Whether it is one of radiology's words, and not one of everyday."""


def language_of(text: str) -> str:
    """ "de" or "en", by the small words."""
    return "de" if len(_GERMAN.findall(text)) > len(_ENGLISH.findall(text)) else "en"


@lru_cache(maxsize=20_000)
def meant(word: str, language: str) -> Guess | None:
    """The word that `word` (small letters) is one slip away from; None where it is right, or like nothing known."""
    if is_right(word, language):
        return None
    if language == "de" and _is_joined(word):
        return None
    near, formed = list(_slips(word)), is_formed(word)
    terms = sorted(each for each in near if _is_term(each, language) and not _inflects(word, each))
    if terms:
        return Guess(terms[0], likely=not formed and _begins_like(word, terms[0]), term=True)
    common = max((each for each in near if often(each, language)), key=lambda each: often(each, language), default="")
    if not common or formed or _inflects(word, common) or _ENDS.search(word):
        return None
    return Guess(common, likely=_begins_like(word, common) and (language == "en" or _fumbled(word, common)))


@lru_cache(maxsize=20_000)
def is_right(word: str, language: str) -> bool:
    """Whether a list has the word (small letters), inflected or with a common beginning."""
    return any(_stands(each, language) for each in _spellings(word, language)) or any(
        word.startswith(beginning) and len(word) - len(beginning) >= _SHORTEST_PART
        and _stands(word[len(beginning) :], language)
        for beginning in _BEGINNINGS
    )  # fmt: skip


def _spellings(word: str, language: str) -> Iterator[str]:
    """The word, and as Americans would spell it; a German one with the c of Latin as well."""
    yield word
    if language == "de":
        yield from (word.replace("k", "c"), word.replace("z", "c"), word.replace("c", "k"), word.replace("c", "z"))
    yield word.replace("ae", "e").replace("oe", "e")
    yield (
        word.replace("ysed", "yzed")
        .replace("ysing", "yzing")
        .replace("isation", "ization")
        .replace("ised", "ized")
        .replace("ising", "izing")
        .replace("our", "or")
    )


def _stands(word: str, language: str) -> bool:
    """Whether a word stands in a list, as it is or inflected."""
    if word in KNOWN or known(word, language):
        return True
    stems = (word[: -len(end)] for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= _SHORTEST_PART)
    inflected = any(stem in KNOWN or stem + "e" in KNOWN or stem + "y" in KNOWN for stem in stems)
    return inflected or _derived(word, language)


def _derived(word: str, language: str) -> bool:
    """Whether an English word comes from one of everyday: "marginated", "evaluable"."""
    stems = (word[: -len(end)] for end in _DERIVED if language == "en" and word.endswith(end))
    return any(
        len(stem) >= _SHORTEST_STEM and (known(stem, "en") or known(stem + "e", "en") or known(stem + "ate", "en"))
        for stem in stems
    )


@lru_cache(maxsize=20_000)
def _is_joined(word: str) -> bool:
    """Whether a German word is made of right ones: "Rippenserienfraktur"."""
    for at in range(_SHORTEST_PART, len(word) - _SHORTEST_PART + 1):
        rest = word[at:]
        if (_stands(rest, "de") or _is_joined(rest)) and any(
            _stands(word[: at - len(joint)], "de")
            for joint in _JOINTS
            if word[:at].endswith(joint) and at - len(joint) >= _SHORTEST_PART
        ):
            return True
    return False


def _slips(word: str) -> Iterator[str]:
    """Every string that one slip makes `word` of: a letter more, less or wrong, two swapped."""
    for at in range(len(word) + 1):
        head, tail = word[:at], word[at:]
        if tail:
            yield head + tail[1:]
            yield from (head + letter + tail[1:] for letter in _LETTERS if letter != tail[0])
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        yield from (head + letter + tail for letter in _LETTERS)


def _is_term(word: str, language: str) -> bool:
    """Whether it is one of radiology's words, as it is or in its plural and the like."""
    terms = CHECKED[language]
    if language == "en" and ("ae" in word or "oe" in word):
        word = word.replace("ae", "e").replace("oe", "e")
    return word in terms or any(word.endswith(end) and word[: -len(end)] in terms for end in _PLURALS)


def _begins_like(word: str, right: str) -> bool:
    """Whether the first letter is right, or changed places: it is the one that is seldom wrong."""
    return word[0] == right[0] or word[:2] == right[1::-1]


def _fumbled(word: str, right: str) -> bool:
    """Whether two letters are swapped or one is doubled: such a word is none of its own."""
    swapped = len(word) == len(right) and sorted(word) == sorted(right)
    doubled = any(word[:at] + word[at + 1 :] == right and word[at] == word[at - 1] for at in range(1, len(word)))
    return swapped or doubled


def _inflects(word: str, right: str) -> bool:
    """Whether two words differ in the last letter alone, where languages inflect, or in a Latin ending."""
    latin = {word[: -len(end)] for end in _LATIN if word.endswith(end)}
    both = any(right[: -len(end)] in latin for end in _LATIN if right.endswith(end) and len(right) > _SHORTEST_STEM)
    return both or word[:-1] == right or word[:-1] == right[:-1] or word == right[:-1]
