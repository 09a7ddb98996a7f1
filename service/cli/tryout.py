"""Try-out: the rules of a file as `preread run` holds them. What is read is written, and only to one folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from service.domain.config import Configuration, ConfigVersion
from service.domain.rule import Mode, Rule
from service.ports.configurations import Configurations

OUT = "out"
"""The destination of everything that is tried out."""


class TriedOut:
    """The port `Configurations` over another one: rules in shadow write, too, and nothing goes anywhere but to OUT."""

    def __init__(self, given: Configurations) -> None:
        self._given = given

    def parse(self, texts: Mapping[str, str]) -> Configuration:
        return _to_folder(self._given.parse(texts))

    def apply(self, texts: Mapping[str, str], *, by: str) -> ConfigVersion:
        return _version(self._given.apply(texts, by=by))

    def active(self) -> ConfigVersion:
        return _version(self._given.active())

    def version(self, number: int) -> ConfigVersion:
        return _version(self._given.version(number))


def in_shadow(configuration: Configuration) -> frozenset[str]:
    """Names of the rules that an installation would deliver nothing of."""
    return frozenset(rule.name for rule in configuration.rules if rule.mode is Mode.SHADOW)


def _version(given: ConfigVersion) -> ConfigVersion:
    return replace(given, configuration=_to_folder(given.configuration))


def _to_folder(given: Configuration) -> Configuration:
    return replace(given, rules=tuple(_writing(rule) for rule in given.rules), forwards=())


def _writing(rule: Rule) -> Rule:
    mode = Mode.LIVE if rule.mode is Mode.SHADOW else rule.mode
    return replace(rule, mode=mode, destinations=(OUT,))
