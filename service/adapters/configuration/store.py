"""Configurations as texts in the ledger, parsed on the way out; versions are immutable, so they are cached."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.adapters.configuration.toml import STOPPED, parse
from service.domain.config import Configuration, ConfigVersion
from service.domain.errors import Misconfigured
from service.domain.node import DestinationNode
from service.domain.prior import PriorNode
from service.domain.protocol import ProtocolStep


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """What a configuration may use: what this installation has."""

    algorithms: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    check_destination: Callable[[DestinationNode], None] = lambda node: None
    """Raises Misconfigured for a destination that would not open."""
    check_step: Callable[[ProtocolStep], None] = lambda step: None
    """Raises Misconfigured for a step whose model cannot do it."""
    check_priors: Callable[[PriorNode], None] = lambda node: None
    """Raises Misconfigured for an archive that cannot be asked."""
    not_for_delivery: Callable[[ProtocolStep], str | None] = lambda step: None
    """Why what a step's model says may not be delivered; None where it may."""


class Texts(Protocol):
    """One stored version."""

    number: int
    texts: Mapping[str, str]
    applied_at: datetime
    applied_by: str


class TextStore(Protocol):
    """What the ledger keeps of configurations."""

    def config(self, number: int | None = None) -> Texts | None:
        """A version's texts, the newest without a number; None if there is none."""
        ...

    def add_config(self, texts: Mapping[str, str], *, by: str) -> Texts:
        """The next version; equal texts to the newest return that."""
        ...


class StoredConfigurations:
    """The port `Configurations` over a TextStore."""

    def __init__(self, store: TextStore, installed: Installed) -> None:
        self._store = store
        self._installed = installed
        self._parsed: dict[int, ConfigVersion] = {}

    def parse(self, texts: Mapping[str, str]) -> Configuration:
        return parse(
            texts,
            algorithms=self._installed.algorithms,
            outputs=self._installed.outputs,
            schemes=self._installed.schemes,
            check_destination=self._installed.check_destination,
            check_step=self._installed.check_step,
            check_priors=self._installed.check_priors,
            not_for_delivery=self._installed.not_for_delivery,
        )

    def apply(self, texts: Mapping[str, str], *, by: str) -> ConfigVersion:
        active = self._store.config()
        if STOPPED not in texts and active and STOPPED in active.texts:  # until it is started, whatever the rules
            texts = {**texts, STOPPED: active.texts[STOPPED]}
        self.parse(texts)
        return self._version(self._store.add_config(texts, by=by))

    def active(self) -> ConfigVersion:
        stored = self._store.config()
        if stored is None:
            raise Misconfigured("no configuration was applied yet; run `preread config apply FOLDER`")
        return self._version(stored)

    def version(self, number: int) -> ConfigVersion:
        if number in self._parsed:
            return self._parsed[number]
        stored = self._store.config(number)
        if stored is None:
            raise Misconfigured(f"configuration {number} does not exist; `preread config show` lists them")
        return self._version(stored)

    def _version(self, stored: Texts) -> ConfigVersion:
        if stored.number not in self._parsed:
            self._parsed[stored.number] = ConfigVersion(
                number=stored.number,
                configuration=parse(stored.texts),
                texts=_pairs(stored.texts),
                applied_at=stored.applied_at,
                applied_by=stored.applied_by,
            )
        return self._parsed[stored.number]


def _pairs(texts: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    pairs: Iterable[tuple[str, str]] = sorted(texts.items())
    return tuple(pairs)
