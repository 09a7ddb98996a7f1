"""A phrase file: how a site says the answers of its templates, in TOML; every error names file, line and remedy."""

from __future__ import annotations

import re
import tomllib
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator

from service.adapters.configuration.lines import line_of
from service.domain.code import Code
from service.domain.errors import Misconfigured
from service.domain.phrase import SLOTS, Phrase, Phrases

_SLOT = re.compile(r"\{([^{}]*)\}")


def _said(text: str) -> str:
    """Words with the slots there are. Raises ValueError for another."""
    for slot in _SLOT.findall(text):
        if slot not in SLOTS:
            raise ValueError(f"there is no slot {{{slot}}}; known: {', '.join(f'{{{name}}}' for name in SLOTS)}")
    if set("{}") & set(_SLOT.sub("", text)):
        raise ValueError("a brace stands alone; a slot is written like {value}")
    return text


def _code(text: str) -> str:
    if text and not re.fullmatch(r"\S{1,16} \S{1,64}", text):
        raise ValueError('a code is written like "SCT 60046008": its scheme, a blank, its value')
    return text


Said = Annotated[str, AfterValidator(_said)]


class _PhraseTable(BaseModel):
    """[[phrase]]"""

    model_config = ConfigDict(extra="forbid", frozen=True)

    template: str = ""
    name: str = ""
    code: Annotated[str, AfterValidator(_code)] = ""
    normal: Said = ""
    text: Said = ""
    options: dict[str, Said] = {}
    both: dict[str, Said] = {}
    both_normal: Said = ""

    @model_validator(mode="after")
    def _is_of_something(self) -> _PhraseTable:
        if bool(self.name) == bool(self.code):
            raise ValueError("a phrase has either a name (of a field or section) or a code")
        return self


class _PhraseFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str = "en"
    sides: tuple[str, str] = ("right", "left")
    joined: str = " and "
    phrase: tuple[_PhraseTable, ...] = ()


def read_phrases(file: str, text: str) -> Phrases:
    """Raises Misconfigured with one line per mistake."""
    try:
        found = _PhraseFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{file}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise Misconfigured(
            "\n".join(_sentence(file, text, one["loc"], one["msg"]) for one in error.errors())
        ) from error
    phrases = tuple(_phrase(table) for table in found.phrase)
    return Phrases(language=found.language, phrases=phrases, sides=found.sides, joined=found.joined)


def _sentence(file: str, text: str, where: tuple[str | int, ...], what: str) -> str:
    key = ".".join(part for part in where if isinstance(part, str))
    return f"{file}:{line_of(text, where)}: {key}: {what.removeprefix('Value error, ')}"


def _phrase(table: _PhraseTable) -> Phrase:
    scheme, _, value = table.code.partition(" ")
    code = Code(value, scheme, value) if value else None
    return Phrase(**{**table.model_dump(exclude={"code"}), "code": code})
