"""What is wrong in a setting: the file and line, or the variable, that it comes from."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from service.adapters.configuration.lines import line_of

NO_SUCH = "there is no such setting; deploy/examples/site/preread.toml shows every one"
PREFIX = "PREREAD_"


def sentences(error: ValidationError, file: Path | None) -> str:
    """One line per mistake; `file` is the preread.toml that was read, whose text is TOML."""
    text = file.read_text(encoding="utf-8") if file else ""
    return "\n".join(_sentence(dict(one), file, text) for one in error.errors(include_url=False))


def _sentence(error: Mapping[str, Any], file: Path | None, text: str) -> str:
    loc = tuple(error["loc"])
    named = tuple(part for part in loc if isinstance(part, str))
    what = NO_SUCH if error["type"] == "extra_forbidden" else str(error["msg"]).removeprefix("Value error, ")
    setting = ".".join(named)
    if variable := _variable(named):
        return f"{variable}: setting {setting}: {what}"
    if file and _stands(loc, tomllib.loads(text)):
        return f"{file}:{line_of(text, loc)}: {setting}: {what}"
    return f"setting {setting}: {what}"


def _variable(named: tuple[str, ...]) -> str:
    """The environment variable that says it, or a table around it; the environment wins over the file."""
    known = {name.upper(): name for name in os.environ}
    for size in range(len(named), 0, -1):
        if found := known.get(PREFIX + "__".join(named[:size]).upper()):
            return found
    return ""


def _stands(loc: tuple[str | int, ...], found: Any) -> bool:
    """Whether the file says anything at this place."""
    for part in loc:
        if isinstance(part, str):
            if not isinstance(found, dict) or part not in found:
                return False
            found = found[part]
    return True
