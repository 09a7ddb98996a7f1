"""Words of everyday English and German, from pyspellchecker's lists (MIT); read at the first question, then kept.

The lists count how often a word was met, and hold some slips: what is rare there proves nothing.
"""

from __future__ import annotations

from functools import lru_cache

from spellchecker import SpellChecker

_OFTEN = {"en": 500, "de": 50}
"""Met so often, a word may be what a slip of it was meant for."""


@lru_cache(maxsize=2)
def _counts(language: str) -> dict[str, int]:
    counted = SpellChecker(language=language, distance=1).word_frequency.dictionary
    return {word: count for word, count in counted.items() if len(word) >= 3}


def known(word: str, language: str) -> bool:
    """Whether a word in small letters is one of `language`, en or de, where ß is ss."""
    return word in _counts(language) or word.replace("ß", "ss") in _counts(language)


def often(word: str, language: str) -> int:
    """How often it was met; 0 if too seldom to be what somebody meant."""
    count = _counts(language).get(word, 0)
    return count if count >= _OFTEN[language] else 0
