"""Configuration: rules and nodes as one immutable, numbered version."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.domain.node import DestinationNode, Source
from service.domain.prior import PriorNode
from service.domain.protocol import Protocol
from service.domain.rule import Forward, Rule


@dataclass(frozen=True, kw_only=True, slots=True)
class StoppedModel:
    """A model that reads nothing more, and none of whose results leave, until it is started again."""

    model: str
    digest: str
    by: str
    reason: str = ""

    @property
    def words(self) -> str:
        return f"model {self.model} was stopped by {self.by}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """Everything that `preread config apply` imports; checked as a whole before it gets a number."""

    sources: tuple[Source, ...] = ()
    destinations: tuple[DestinationNode, ...] = ()
    protocols: tuple[Protocol, ...] = ()
    rules: tuple[Rule, ...] = ()
    forwards: tuple[Forward, ...] = ()
    stopped: tuple[StoppedModel, ...] = ()
    priors: tuple[PriorNode, ...] = ()

    def destination(self, name: str) -> DestinationNode:
        """Raises KeyError for a name that this version does not know."""
        return {node.name: node for node in self.destinations}[name]

    def prior_node(self, name: str) -> PriorNode:
        """Raises KeyError for a name that this version does not know."""
        return {node.name: node for node in self.priors}[name]

    def protocol(self, name: str) -> Protocol:
        """Raises KeyError for a name that this version does not know."""
        return {protocol.name: protocol for protocol in self.protocols}[name]

    def rule(self, name: str) -> Rule:
        """Raises KeyError for a name that this version does not know."""
        return {rule.name: rule for rule in self.rules}[name]

    def stop_of(self, model: str) -> StoppedModel | None:
        return next((one for one in self.stopped if one.model == model), None)

    def source(self, name: str) -> Source | None:
        return next((source for source in self.sources if source.name == name), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class ConfigVersion:
    """A configuration with its number; `texts` are the files as they were applied, by file name."""

    number: int
    configuration: Configuration
    texts: tuple[tuple[str, str], ...]
    applied_at: datetime
    applied_by: str
