"""Question: what a person asks of a report, and what the report says to it, by rules (C12).

English and German. Every answer cites the clauses it rests on, or is "not stated".
"""

from __future__ import annotations

VERSION = "1"
"""Of these rules together, for answers that say which rules gave them."""
MOST_CHARACTERS = 300
"""Of one question."""
