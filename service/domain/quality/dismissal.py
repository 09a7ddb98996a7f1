"""Dismissal: a radiologist's word that an issue is none; counted by kind, so that rules that cry wolf are seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.domain.edit import text_digest
from service.domain.quality.issue import Kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Dismissal:
    """One issue of one job's report, dismissed for as long as the words that it is about stand there."""

    study_instance_uid: str
    job_id: str
    kind: Kind
    key: str
    """Digest of rule and words; the words themselves are not kept."""
    reviewer: str
    at: datetime


def key_of(rule: str, words: str) -> str:
    """Says of an issue which one it is, wherever it stands."""
    return text_digest(f"{rule}\n{words}")
