"""Prose: a report's text read by rules, no model: its sections, and what each clause names, denies or doubts.

English and German. Every answer names a span of the text it was read from, as (start, end) in characters.
"""

from __future__ import annotations

VERSION = "3"
"""Of these rules together, for answers that say which rules gave them."""
