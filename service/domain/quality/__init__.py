"""Quality: what a second reader would question in a report, by rules; one module for each of the 12 kinds.

Every module has one function, `issues(case)`. Nothing here changes a text.
"""

from __future__ import annotations

VERSION = "3"
"""Of these rules together; an issue names the rule, an answer the version."""
