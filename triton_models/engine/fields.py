"""One table of a model's card or form, read field by field; every mistake names table, field and what is wanted."""

import math
from collections.abc import Mapping
from typing import Any

from engine.folder import ModelError

_MISSING = object()


class Fields:
    """What stands in one table. Whoever has taken all it knows calls `done`, so that a misspelt field is not lost."""

    def __init__(self, values: Any, where: str) -> None:
        """`where` is how errors call the table, such as "preread.json: input"."""
        if not isinstance(values, Mapping):
            raise ModelError(f"{where} must be a table, got {values!r}")
        self._left = dict(values)
        self._where = where

    def table(self, name: str) -> "Fields":
        """Return the table `name`, which must stand."""
        return Fields(self._take(name, _MISSING), f"{self._where}.{name}")

    def table_or_none(self, name: str) -> "Fields | None":
        value = self._take(name, None)
        return None if value is None else Fields(value, f"{self._where}.{name}")

    def tables(self, name: str) -> list["Fields"]:
        values = self._take(name, ())
        if not isinstance(values, list | tuple):
            raise self._wrong(name, "a list of tables", values)
        return [Fields(value, f"{self._where}.{name}[{number}]") for number, value in enumerate(values)]

    def text(self, name: str, default: Any = _MISSING) -> str:
        value = self._take(name, default)
        if not isinstance(value, str) or not value:
            raise self._wrong(name, "text", value)
        return value

    def choice(self, name: str, choices: tuple[str, ...], default: Any = _MISSING) -> str:
        value = self._take(name, default)
        if value not in choices:
            raise self._wrong(name, f"one of {', '.join(choices)}", value)
        return str(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false", value)
        return value

    def whole(self, name: str, default: Any = _MISSING) -> int:
        value = self._take(name, default)
        if not _is_whole(value):
            raise self._wrong(name, "a whole number above 0", value)
        return int(value)

    def number(self, name: str, default: Any = _MISSING, *, least: float = -math.inf, most: float = math.inf) -> float:
        value = self._take(name, default)
        if not _is_number(value) or not least <= value <= most:
            limits = "" if (least, most) == (-math.inf, math.inf) else f" from {least:g} to {most:g}"
            raise self._wrong(name, f"a number{limits}", value)
        return float(value)

    def wholes(self, name: str, count: int) -> tuple[int, ...]:
        value = self._take(name, _MISSING)
        if not isinstance(value, list) or len(value) != count or not all(map(_is_whole, value)):
            raise self._wrong(name, f"a list of {count} whole numbers above 0", value)
        return tuple(value)

    def numbers(self, name: str, count: int, *, least: float = -math.inf) -> tuple[float, ...] | None:
        """Return `count` numbers, or None where the field is left out or null."""
        value = self._take(name, None)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != count or not all(_is_number(v) and v >= least for v in value):
            raise self._wrong(name, f"a list of {count} numbers", value)
        return tuple(float(number) for number in value)

    def for_each(self, name: str, count: int, default: float) -> tuple[float, ...]:
        """Return `count` numbers: written so, or as one number that holds for all."""
        value = self._take(name, default)
        given = value if isinstance(value, list) else [value] * count
        if len(given) != count or not all(map(_is_number, given)):
            raise self._wrong(name, f"a number, or a list of {count}", value)
        return tuple(float(number) for number in given)

    def names(self, name: str) -> tuple[str | None, ...]:
        """Return a list of names, each of which may be null."""
        value = self._take(name, _MISSING)
        if not isinstance(value, list) or not value or not all(v is None or (isinstance(v, str) and v) for v in value):
            raise self._wrong(name, "a list of names", value)
        return tuple(value)

    def done(self) -> None:
        """Raise ModelError if a field was not taken: nobody knows it."""
        if self._left:
            raise ModelError(f"{self._where} has unknown fields: {', '.join(sorted(self._left))}")

    def _take(self, name: str, default: Any) -> Any:
        value = self._left.pop(name, default)
        if value is _MISSING:
            raise ModelError(f"{self._where} lacks {name}")
        return value

    def _wrong(self, name: str, wanted: str, got: Any) -> ModelError:
        return ModelError(f"{self._where}.{name} must be {wanted}, got {got!r}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
