"""Parts: a multipart/related message taken apart as it arrives, no part of it in memory (RFC 2046 5.1, RFC 2387)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

MAX_PARTS = 10_000
MAX_PREAMBLE = 4096
MAX_HEAD = 8192
"""Bytes of the headers of one part."""
MAX_HEADERS = 32
MAX_PADDING = 256
"""White space behind a boundary."""
_END = b"\r\n"


class Malformed(Exception):
    """The message is no multipart message, or goes beyond a bound; its text is a sentence."""


class Sink(Protocol):
    """Who takes the parts."""

    def begin(self, headers: Mapping[str, str]) -> None:
        """A part begins; names of headers are in small letters."""
        ...

    def write(self, data: memoryview) -> None:
        """More of its content; `data` is valid during the call alone."""
        ...

    def end(self) -> None:
        """The part is whole."""
        ...


class Parts:
    """Takes a message in pieces of any size; holds no more than a piece and the headers of one part."""

    def __init__(self, boundary: bytes, sink: Sink, *, most: int = MAX_PARTS) -> None:
        self._delimiter = _END + b"--" + boundary
        self._sink = sink
        self._most = most
        # A line end before the message, so that its first boundary looks like every other one.
        self._buffer, self._at = _END, 0
        self._step: Callable[[], bool] = self._preamble
        self.count = 0

    def feed(self, data: bytes) -> None:
        """The next piece. Raises Malformed."""
        self._buffer, self._at = self._buffer[self._at :] + data, 0
        while self._step():
            pass

    def finish(self) -> None:
        """The message has ended. Raises Malformed if it ends too early."""
        if self._step != self._epilogue:
            raise Malformed("The message ends before its closing boundary.")

    # --- steps: true where the next one can go on --------------------------------------------------------------

    def _preamble(self) -> bool:
        found = self._buffer.find(self._delimiter, self._at)
        if (found if found >= 0 else len(self._buffer) - len(self._delimiter)) > MAX_PREAMBLE:
            raise Malformed("The message does not begin with the boundary that its Content-Type names.")
        if found < 0:
            return False
        return self._go_to(found + len(self._delimiter), self._boundary)

    def _boundary(self) -> bool:
        """What follows a boundary: two hyphens at the end of the message, else padding and a line end."""
        line = self._buffer[self._at : self._at + MAX_PADDING + len(_END)]
        if line.startswith(b"--"):
            return self._go_to(len(self._buffer), self._epilogue)
        rest = line.lstrip(b" \t")
        if rest.startswith(_END):
            if self.count >= self._most:
                raise Malformed(f"The message has more than {self._most} parts: send it in several requests.")
            return self._go_to(self._at + len(line) - len(rest), self._head)
        if rest not in {b"", b"\r", b"-"} or len(line) > MAX_PADDING:
            raise Malformed("A boundary is followed by something else than the end of its line.")
        return False

    def _head(self) -> bool:
        """Headers with the line ends before and after them; a part may have none."""
        end = self._buffer.find(_END + _END, self._at)
        if (end if end >= 0 else len(self._buffer)) - self._at > MAX_HEAD:
            raise Malformed(f"The headers of a part are longer than {MAX_HEAD} bytes, or do not end.")
        if end < 0:
            return False
        self.count += 1
        self._sink.begin(_headers(self._buffer[self._at + len(_END) : end]))
        return self._go_to(end + 2 * len(_END), self._content)

    def _content(self) -> bool:
        found = self._buffer.find(self._delimiter, self._at)
        # Without a boundary, the last bytes may be the beginning of one.
        until = found if found >= 0 else max(self._at, len(self._buffer) - len(self._delimiter) + 1)
        if until > self._at:
            self._sink.write(memoryview(self._buffer)[self._at : until])
        if found < 0:
            self._at = until
            return False
        self._sink.end()
        return self._go_to(found + len(self._delimiter), self._boundary)

    def _epilogue(self) -> bool:
        """What follows the closing boundary means nothing."""
        self._at = len(self._buffer)
        return False

    def _go_to(self, at: int, step: Callable[[], bool]) -> bool:
        self._at, self._step = at, step
        return True


def _headers(lines: bytes) -> Mapping[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines.split(_END) if lines else ():
        text = line.decode("latin-1")
        if text[:1] in {" ", "\t"} and name:
            found[name] += f" {text.strip()}"
            continue
        name, colon, value = text.partition(":")
        name = name.strip().lower()
        if not colon or not name:
            raise Malformed("A header of a part is no header.")
        found[name] = value.strip()
        if len(found) > MAX_HEADERS:
            raise Malformed(f"A part has more than {MAX_HEADERS} headers.")
    return found
