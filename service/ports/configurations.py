"""Configurations: numbered, immutable versions of rules and nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from service.domain.config import Configuration, ConfigVersion


class Configurations(Protocol):
    def parse(self, texts: Mapping[str, str]) -> Configuration:
        """Read files by name (rules.toml, nodes.toml). Raises Misconfigured naming file, line and remedy."""
        ...

    def apply(self, texts: Mapping[str, str], *, by: str) -> ConfigVersion:
        """Check and store as the next version; equal texts return the active one. Raises Misconfigured."""
        ...

    def active(self) -> ConfigVersion:
        """The newest version. Raises Misconfigured if none was applied yet."""
        ...

    def version(self, number: int) -> ConfigVersion:
        """Raises Misconfigured for a number that does not exist."""
        ...
