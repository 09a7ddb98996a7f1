"""Ring a bell that may be broken: the sweep makes up for a lost ring."""

from __future__ import annotations

from service.domain.errors import Unavailable
from service.ports.bell import Bell


def wake(bell: Bell, *lanes: str) -> bool:
    """Ring for each lane; False if the broker is away (nothing is lost)."""
    try:
        for lane in lanes:
            bell.ring(lane)
    except Unavailable:
        return False
    return True
