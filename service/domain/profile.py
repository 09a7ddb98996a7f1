"""Profile: what one destination gets of a reading, and in which form. Presets for common workstations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class CharacterSet(StrEnum):
    """How text is written (PS3.3 C.12.1.1.2), by the name that nodes.toml uses."""

    UTF_8 = "utf-8"
    LATIN_1 = "latin-1"

    @property
    def defined_term(self) -> str:
        """Value of Specific Character Set (0008,0005)."""
        return {CharacterSet.UTF_8: "ISO_IR 192", CharacterSet.LATIN_1: "ISO_IR 100"}[self]


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """How a destination wants results."""

    objects: tuple[str, ...] = ()
    """Roles that it gets, in this order, whatever a rule's outputs say; empty for the rule's."""
    fall_back: tuple[str, ...] = ()
    """Roles that stand in, in this order, for an object whose class it refuses."""
    character_set: CharacterSet = CharacterSet.UTF_8
    series_number: int = 0
    """Where its block of Series Numbers begins; 0 for the usual ones."""
    max_objects: int = 0
    """The most that it gets of one reading, the first of `objects`; 0 for no limit."""
    forms: bool = True
    """Whether it gets the filled forms of a signed report beside its text, as coded documents."""

    def wanted(self, outputs: tuple[str, ...]) -> tuple[str, ...]:
        """The roles to send, of a rule that asks for `outputs`."""
        return self.objects or outputs

    def stand_ins(self, outputs: tuple[str, ...]) -> tuple[str, ...]:
        """The roles that are kept ready beside those that are sent."""
        return tuple(role for role in self.fall_back if role not in self.wanted(outputs))


_TEXT = ("basic-text-sr", "encapsulated-pdf", "secondary-capture")
PRESETS: Mapping[str, Profile] = MappingProxyType(
    {
        "archive": Profile(objects=("basic-text-sr", "tid1500"), fall_back=_TEXT),
        # No TID 1500: OHIF opens none with a group that has no coordinates (knowledge.md, "ohif").
        "ohif": Profile(objects=("basic-text-sr", "coordinates-sr", "segmentation"), fall_back=_TEXT, forms=False),
        "weasis": Profile(
            objects=("basic-text-sr", "presentation-state", "key-objects", "segmentation"), fall_back=_TEXT
        ),
        "text-only": Profile(objects=("basic-text-sr",), fall_back=_TEXT[1:], forms=False),
        "pages": Profile(objects=("encapsulated-pdf",), fall_back=_TEXT[2:]),
        "pictures": Profile(objects=("secondary-capture",), character_set=CharacterSet.LATIN_1, max_objects=1),
    }
)
"""By what the workstation behind a destination can show; `preset` in nodes.toml."""
