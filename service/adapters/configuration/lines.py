"""The line of a TOML file on which a key stands, so that an error can point at it."""

from __future__ import annotations

import re
from collections.abc import Sequence


def line_of(text: str, path: Sequence[str | int]) -> int:
    """Line (from 1) of the key that `path` leads to, or of the nearest table above it.

    `path` is a pydantic location such as ("rule", 1, "when", "modality") or ("scp", "port").
    """
    lines = text.splitlines()
    start, end = 0, len(lines)
    keys = [part for part in path if isinstance(part, str)]
    if len(path) > 1 and isinstance(path[1], int):
        heads = [n for n, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{re.escape(str(path[0]))}\s*\]\]", line)]
        if path[1] >= len(heads):
            return 1
        start = heads[path[1]]
        end = next((n for n in range(start + 1, end) if re.match(r"\s*\[\[", lines[n])), end)
        keys = keys[1:]
    elif len(keys) > 1 and (head := _head(lines, keys[0])) is not None:
        start = head
        end = next((n for n in range(start + 1, end) if re.match(r"\s*\[", lines[n])), end)
        keys = keys[1:]
    for key in reversed(keys):
        pattern = re.compile(rf"(?:^|[\s.{{,\[\"]){re.escape(key)}(?:[\s\".\]]*=|\s*\])")
        for number in range(start, end):
            if pattern.search(lines[number].split("#")[0]):
                return number + 1
    return start + 1


def _head(lines: Sequence[str], table: str) -> int | None:
    """Number (from 0) of the line that opens a plain table."""
    return next((n for n, line in enumerate(lines) if re.match(rf"\s*\[\s*{re.escape(table)}\s*\]", line)), None)
