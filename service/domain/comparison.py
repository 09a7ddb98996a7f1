"""Comparison: words that speak of an earlier study. Without one they never leave the house (C13).

"Increased" and "prior" alone do not: hearts are increased in size, and patients have had prior operations.
"""

from __future__ import annotations

import re

_EARLIER = r"(?:stud(?:y|ies)|exam\w*|images?|imaging|radiographs?|films?|x-?rays?|cts?|scans?|mris?|reports?)"
_WORDS = (
    r"unchanged", r"stable", r"stability", r"interval", r"(?:in )?compar(?:ed|ison) (?:with|to)",
    rf"(?:prior|previous|earlier|last) (?:\w+ )?{_EARLIER}", r"previously", r"no longer", r"again seen",
    r"(?:un)?resolved", r"resolving", r"resolution of", r"persist(?:s|ed|ent|ing)", r"improv(?:ed|ing|ement)",
    r"worsen(?:ed|ing)", r"progress(?:ed|ion|ing)", r"regress(?:ed|ion|ing)", r"(?:has|have) (?:in|de)creased",
    r"(?:in|de)creasing", r"new(?:ly)?", r"since the (?:last|earlier|prior|previous)", r"(?:has|have) (?:grown|shrunk)",
    r"unverändert\w*", r"stabil\w*", r"im vergleich", r"vor(?:untersuchung|aufnahme|befund)\w*", r"neu",
    r"(?:zu|ab)nehmend\w*", r"rückläufig\w*", r"(?:re|pro)gredient\w*", r"(?:größen)?konstant\w*",
    r"nicht mehr",
)  # fmt: skip
_COMPARES = re.compile(rf"(?<!\w)(?:{'|'.join(_WORDS)})(?!\w)", re.IGNORECASE)


def compares(text: str) -> str:
    """The first words of `text` that speak of an earlier study; empty for none."""
    found = _COMPARES.search(text)
    return found[0] if found else ""
