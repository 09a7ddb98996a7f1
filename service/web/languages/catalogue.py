"""Catalogue: the messages of one language, read from its .po file, so that no build step stands before a page."""

from __future__ import annotations

import ast
import gettext
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib.resources import files

from service.domain.errors import Misconfigured
from service.domain.said import SENTENCE, Said, capital
from service.web.languages.kept import kept
from service.web.languages.language import Language

PLURAL = "nplurals=2; plural=(n != 1);"
"""The one rule of plurals that this reader follows: that of English, German, Spanish, Italian, Dutch, Swedish …"""
_LINE = re.compile(r'(?:(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) )?(".*")')


@dataclass(slots=True)
class Message:
    """One entry of a .po file (GNU gettext manual, "The Format of PO Files")."""

    msgctxt: str = ""
    msgid: str = ""
    msgid_plural: str = ""
    msgstr: dict[int, str] = field(default_factory=dict)
    places: tuple[str, ...] = ()
    """Files in which the message stands."""

    def stands_in(self, folder: str) -> bool:
        return any(place.startswith(folder) for place in self.places)


class Catalogue(gettext.NullTranslations):
    """Messages of one language; what it lacks stays English."""

    def __init__(self, language: Language, messages: tuple[Message, ...] = ()) -> None:
        super().__init__()
        self.language = language
        self.messages = messages
        self._found = {(each.msgctxt, each.msgid): each for each in messages}

    def gettext(self, message: str) -> str:
        return self.pgettext("", message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        found = self._found.get(("", msgid1))
        said = found.msgstr.get(int(n != 1), "") if found and found.msgid_plural else ""
        return said or (msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        found = self._found.get((context, message))
        return (found.msgstr.get(0, "") if found else "") or message

    def say(self, said: object) -> str:
        """A value in this language: a Said by its message, a number with the right decimal mark, else its text."""
        if isinstance(said, float | Decimal):
            return self.decimal(f"{said:g}" if isinstance(said, float) else str(said))
        if not isinstance(said, Said):
            return str(said)
        if said.plural:
            number = said.values["number"]
            message = self.ngettext(said.message, said.plural, number if isinstance(number, int) else 0)
        else:
            message = self.pgettext(said.context, said.message)
        text = message.format_map(
            {name: self.say(kept(value) if type(value) is str else value) for name, value in said.values.items()}
        )
        return capital(text) if said.context == SENTENCE else text

    def decimal(self, number: str) -> str:
        """A number written with a point, as this language writes it."""
        return number.replace(".", ",") if self.language is Language.DE else number


@cache
def catalogue(language: Language) -> Catalogue:
    """The messages of `language`; English has none, because messages are English. Raises Misconfigured."""
    if language is Language.EN:
        return Catalogue(language)
    text = (files("service.web.languages") / language.value / "messages.po").read_text(encoding="utf-8")
    head, *messages = read_po(text)
    if f"Plural-Forms: {PLURAL}" not in head.msgstr[0]:
        raise Misconfigured(f"the catalogue {language.value} has other plural forms than {PLURAL}")
    return Catalogue(language, tuple(messages))


def read_po(text: str) -> Iterator[Message]:
    """The entries of a .po file in order, its header first; obsolete and fuzzy ones are left out."""
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        lines = block.strip().splitlines()
        if any(line.startswith("#,") and "fuzzy" in line for line in lines) or not lines:
            continue
        entry = _entry(lines)
        if entry is not None:
            yield entry


def _entry(lines: list[str]) -> Message | None:
    made, key, seen = Message(), "", False
    for line in lines:
        if line.startswith("#:"):
            made.places += tuple(line[2:].split())
        found = _LINE.fullmatch(line)
        if found is None:
            continue
        seen, key = True, found[1] or key
        _add(made, key, str(ast.literal_eval(found[2])))
    return made if seen else None


def _add(made: Message, key: str, text: str) -> None:
    if key.startswith("msgstr"):
        number = int(key[7:-1]) if "[" in key else 0
        made.msgstr[number] = made.msgstr.get(number, "") + text
    else:
        setattr(made, key, getattr(made, key) + text)
