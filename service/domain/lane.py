"""Lane: a queue by name. A message names a lane and nothing else (invariant 2)."""

from __future__ import annotations

READ = "read"
"""Jobs that ask models."""

DELIVER = "deliver:"
"""Prefix of one lane of results per destination."""

FORWARD = "forward:"
"""Prefix of one lane of originals per destination; drained by the receiving process itself."""


def deliver_lane(destination: str) -> str:
    return DELIVER + destination


def forward_lane(destination: str) -> str:
    return FORWARD + destination


PULSE = "pulse:"
"""Prefix of lanes without rows: a worker rings one to hear itself (pulse:read, pulse:deliver)."""


def is_reading(lane: str) -> bool:
    """Whether draining `lane` may take as long as a model thinks."""
    return lane in {READ, PULSE + READ}
