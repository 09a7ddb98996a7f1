"""
The error tree; an error's class says what happens next.

* PrereadError
  x Unreadable     the bytes are not what they claim        -> quarantine
  x Unsupported    valid, but nothing here handles it       -> skip, record why
  x Unavailable    the other side is away for now           -> retry with back-off
    x Gone         what was kept here is no more           -> retry as well; a viewer is told
    x Full         no room on the spool's disk             -> retry as well; a sender is told
  x Refused        the other side understood and said no    -> a person looks
  x Unclear        the answer cannot be read                -> a person looks
  x Misconfigured  a file or setting is wrong               -> refuse to start, say which line
"""

from __future__ import annotations


class PrereadError(Exception):
    """Base of every error that preread raises on purpose; its text is a sentence for a person."""


class Unreadable(PrereadError):
    """The bytes are not what they claim to be."""


class Unsupported(PrereadError):
    """Valid, but no rule, algorithm or object here handles it."""


class Unavailable(PrereadError):
    """The other side is away for now: PACS, model server, broker, disk or ledger.

    `detail` is what it or its library said: for rows and logs, never for a document.
    """

    def __init__(self, text: str, *, detail: str = "") -> None:
        super().__init__(text)
        self.detail = detail


class Gone(Unavailable):
    """Bytes that were kept are no longer there; whoever asks again may find them restored."""


class Full(Unavailable):
    """The spool's disk is full, or below its reserve; whoever comes again may find room."""


class Refused(PrereadError):
    """The other side understood and said no."""


class Unclear(PrereadError):
    """The model answered, but not in a form that can be read as findings."""


class Misconfigured(PrereadError):
    """A setting, rule or node is wrong; the text names file, line and remedy."""
