"""Template: the form of a structured report, and what is wrong with an answer to one of its fields (C17).

The nouns are those of IHE RAD MRRT and of common data elements: sections, fields, options with codes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from service.domain.code import ABSENT, LEFT, RIGHT, Code
from service.domain.report import Section

MOST_TEXT = 4000
"""Characters of one answer in words."""
Value = str | float | date | tuple[str, ...]
"""An answer: words, a number in the field's unit, a date, or the options chosen, by their words."""


class FieldKind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    CHOICE = "choice"  #: one option
    CHOICES = "choices"  #: any number of options
    DATE = "date"


class Completion(StrEnum):
    """What an empty field means when the report is finished (data-field-completion-action of MRRT)."""

    NONE = "none"
    ALERT = "alert"  #: the radiologist is told
    PROHIBIT = "prohibit"  #: the report is not finished without it


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    text: str
    code: Code | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One question. Raises ValueError for one that nobody could answer."""

    name: str
    """Unique within the template."""
    label: str
    kind: FieldKind
    codes: tuple[Code, ...] = ()
    """What is asked for, then what qualifies it, such as a side."""
    options: tuple[Option, ...] = ()
    unit: Code | None = None
    """UCUM."""
    low: float | None = None
    high: float | None = None
    completion: Completion = Completion.NONE
    default: Value | None = None
    lines: int = 1

    def __post_init__(self) -> None:
        if (self.kind in {FieldKind.CHOICE, FieldKind.CHOICES}) != bool(self.options):
            raise ValueError("a field has options where one is chosen, and nowhere else")
        if len({option.text for option in self.options}) < len(self.options):
            raise ValueError("two options have the same words")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"no number is at least {self.low:g} and at most {self.high:g}")

    @property
    def concept(self) -> Code | None:
        return self.codes[0] if self.codes else None

    @property
    def side(self) -> Code | None:
        return next((code for code in self.codes[1:] if code in {LEFT, RIGHT}), None)

    def option(self, text: str) -> Option | None:
        return next((option for option in self.options if option.text == text), None)

    def coded(self, code: Code) -> Option | None:
        """The only option with that code; None if there is none, or if several share it."""
        found = [option for option in self.options if option.code == code]
        return found[0] if len(found) == 1 else None

    def wrong(self, value: Value) -> str:
        """Why `value` does not answer this field; empty if it does."""
        match self.kind, value:
            case (FieldKind.TEXT, str()):
                return f"more than {MOST_TEXT} characters" if len(value) > MOST_TEXT else ""
            case (FieldKind.NUMBER, float()):
                return self._out_of_range(value)
            case (FieldKind.CHOICE | FieldKind.CHOICES, tuple()):
                return self._not_offered(value)
            case (FieldKind.DATE, date()):
                return ""
        return f"no {self.kind}"

    def _out_of_range(self, value: float) -> str:
        if not math.isfinite(value):
            return "no number"
        if float(f"{value:g}") != value:
            return f"{value!r} has more than six digits, which a report does not state"
        if self.low is not None and value < self.low:
            return f"{value:g} is below {self.low:g}"
        if self.high is not None and value > self.high:
            return f"{value:g} is above {self.high:g}"
        return ""

    def _not_offered(self, chosen: tuple[str, ...]) -> str:
        if self.kind is FieldKind.CHOICE and len(chosen) > 1:
            return "several are chosen where one can be"
        absent = self.coded(ABSENT)
        if absent and absent.text in chosen and len(chosen) > 1:
            return f"“{absent.text}” is chosen together with something else"
        return next((f"“{text}” is not among the options" for text in chosen if self.option(text) is None), "")


@dataclass(frozen=True, kw_only=True, slots=True)
class TemplateSection:
    """A heading and its fields; one below another section follows it, with a greater `level`."""

    name: str
    label: str
    codes: tuple[Code, ...] = ()
    part: Section = Section.FINDINGS
    """Where in the report its sentences stand."""
    level: int = 1
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """Raises ValueError where two sections or fields have one name."""

    name: str
    title: str
    sections: tuple[TemplateSection, ...]
    identifier: str = ""
    language: str = "en"
    description: str = ""
    creator: str = ""
    licence: str = ""
    notes: tuple[str, ...] = ()
    """What of its file was left out, with the line."""

    def __post_init__(self) -> None:
        names = [*(section.name for section in self.sections), *(field.name for field in self.fields)]
        if twice := next((name for name in names if names.count(name) > 1), ""):
            raise ValueError(f"“{twice}” stands for two things")
        if not self.fields:
            raise ValueError("there is no field to fill")

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(field for section in self.sections for field in section.fields)

    def field(self, name: str) -> Field | None:
        return next((field for field in self.fields if field.name == name), None)
