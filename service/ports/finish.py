"""Finish: why an answer ended, of a model that writes and of one that reads images."""

from __future__ import annotations

from enum import StrEnum


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    OUTSIDE_DOMAIN = "outside_domain"
