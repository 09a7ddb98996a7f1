"""Envelope: the one object of a multipart answer, taken out while it streams (PS3.18 8.6.1.2, RFC 2046 5.1.1)."""

from __future__ import annotations

import re

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_MOST_HEADERS = 64 * 1024
_HEADERS_END = b"\r\n\r\n"


class Envelope:
    """An archive may leave the envelope out; then everything is the object."""

    def __init__(self, content_type: str) -> None:
        found = _BOUNDARY.search(content_type)
        self._mark = b"--" + found[1].strip().encode("ascii", "replace") if found else b""
        self._pending = b""
        self._inside = not self._mark
        self.ended = not self._mark
        """Whether the object is whole; an answer may end before it is."""

    def open(self, piece: bytes) -> bytes:
        """What of the object is certain with `piece`. Raises ValueError for an envelope that does not begin."""
        if not self._mark:
            return piece
        if self.ended:
            return b""
        self._pending += piece
        if not self._inside and not self._begun():
            return b""
        return self._content()

    def _begun(self) -> bool:
        start = self._pending.find(self._mark)
        end = self._pending.find(_HEADERS_END, start) if start >= 0 else -1
        if end < 0:
            if len(self._pending) > _MOST_HEADERS:
                raise ValueError(f"no part begins within {_MOST_HEADERS} bytes")
            return False
        self._pending = self._pending[end + len(_HEADERS_END) :]
        self._inside = True
        return True

    def _content(self) -> bytes:
        close = b"\r\n" + self._mark
        end = self._pending.find(close)
        self.ended = end >= 0
        cut = end if self.ended else max(0, len(self._pending) - len(close) + 1)
        content, self._pending = self._pending[:cut], self._pending[cut:]
        return content
