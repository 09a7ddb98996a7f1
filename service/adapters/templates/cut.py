"""Whether every tag of a markup ends before the next begins. The parser takes a minute over 50 KB that do not (its
regular expressions look again from each sign), so that is asked first, in one pass."""

from __future__ import annotations

import re

MOST_TAG = 4096
"""Characters of one tag."""
_DOCTYPE = re.compile(r"<!doctype\b", re.IGNORECASE)
_SCRIPT = re.compile(r"<script[\s/>]", re.IGNORECASE)
_SCRIPT_END = re.compile(r"</script\s*>", re.IGNORECASE)


def uncut(text: str) -> tuple[int, str] | None:
    """Line and reason of the first tag that does not end; None where all do."""
    at = 0
    while (start := text.find("<", at)) >= 0:
        end, wrong = _end(text, start)
        if wrong:
            return text.count("\n", 0, start) + 1, wrong
        at = end
    return None


def _end(text: str, start: int) -> tuple[int, str]:
    """Where what starts at `start` is over, or why it never is."""
    if text.startswith("<!--", start):
        end = text.find("-->", start + 4)
        return (end + 3, "") if end >= 0 else (0, "a comment is not closed; write --> where it ends")
    if text.startswith("<!", start) and not _DOCTYPE.match(text, start):
        return 0, "<! begins neither a comment nor the document type; delete it"
    close = text.find(">", start, start + MOST_TAG)
    if close < 0 or text.find("<", start + 1, close) >= 0:
        return 0, "a tag is not closed, or < stands for itself; write > where it ends, or &lt; for the sign"
    if _SCRIPT.match(text, start) and text[close - 1] != "/":
        over = _SCRIPT_END.search(text, close)
        return (over.end(), "") if over else (0, "<script> is not closed; write </script> where it ends")
    return close + 1, ""
