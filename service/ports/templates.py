"""Templates: the forms of structured reports that this installation has, and how it says their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from service.domain.phrase import Phrases
from service.domain.template import Template


class Templates(Protocol):
    def all(self) -> Sequence[Template]:
        """By name; one that cannot be read is left out, and named in `broken`."""
        ...

    def broken(self) -> Sequence[str]:
        """In words, each file of the site's folder that cannot be read."""
        ...

    def template(self, name: str) -> Template | None:
        """None where no template is called so, or its file cannot be read."""
        ...

    def phrases(self, language: str) -> Phrases:
        """The site's own before ours, in that language; English where there are none."""
        ...


class MemoryTemplates:
    """A fake for unit tests."""

    def __init__(self, *templates: Template, phrases: Phrases | None = None) -> None:
        self.kept = {template.name: template for template in templates}
        self.said = phrases or Phrases()
        self.wrong: list[str] = []

    def all(self) -> Sequence[Template]:
        return [self.kept[name] for name in sorted(self.kept)]

    def broken(self) -> Sequence[str]:
        return self.wrong

    def template(self, name: str) -> Template | None:
        return self.kept.get(name)

    def phrases(self, language: str) -> Phrases:
        return self.said
