"""rules.toml and nodes.toml to a Configuration, checked as a whole; every error names file, line and remedy."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from service.adapters.configuration.lines import line_of
from service.adapters.configuration.meant import meant
from service.adapters.configuration.shape import (
    DestinationTable,
    ForwardTable,
    NodesFile,
    ProtocolTable,
    RulesFile,
    RuleTable,
    SourceTable,
    StoppedFile,
    WhenTable,
)
from service.domain.assembly import Patience
from service.domain.config import Configuration, StoppedModel
from service.domain.errors import Misconfigured
from service.domain.node import DestinationNode, Source
from service.domain.prior import PriorNode
from service.domain.profile import PRESETS, Profile
from service.domain.protocol import Protocol, ProtocolStep
from service.domain.rule import Conditions, Forward, Mode, Rule

_PROFILE = {field.name for field in fields(Profile)}
RULES, NODES, STOPPED = "rules.toml", "nodes.toml", "stopped.toml"

File = TypeVar("File", bound=BaseModel)


def parse(
    texts: Mapping[str, str],
    *,
    algorithms: Iterable[str] = (),
    outputs: Iterable[str] = (),
    schemes: Iterable[str] = (),
    check_destination: Callable[[DestinationNode], None] = lambda node: None,
    check_step: Callable[[ProtocolStep], None] = lambda step: None,
    check_priors: Callable[[PriorNode], None] = lambda node: None,
    not_for_delivery: Callable[[ProtocolStep], str | None] = lambda step: None,
) -> Configuration:
    """Read both files; names are checked against what is installed where the caller says what that is.

    Raises Misconfigured with one line per mistake: `rules.toml:12: when.modalty: ...`.
    """
    rules_text, nodes_text = texts.get(RULES, ""), texts.get(NODES, "")
    rules, nodes = _read(RulesFile, RULES, rules_text), _read(NodesFile, NODES, nodes_text)
    stopped = _read(StoppedFile, STOPPED, texts.get(STOPPED, ""))
    mistakes = [
        *_duplicates(RULES, rules_text, "rule", [rule.name for rule in rules.rule]),
        *_duplicates(RULES, rules_text, "protocol", [protocol.name for protocol in rules.protocol]),
        *_duplicates(NODES, nodes_text, "source", [source.name for source in nodes.source]),
        *_duplicates(NODES, nodes_text, "destination", [node.name for node in nodes.destination]),
        *_duplicates(NODES, nodes_text, "priors", [node.name for node in nodes.priors]),
        *_unknown_names(rules_text, rules, nodes, set(algorithms), set(outputs)),
        *_not_live(rules_text, rules, not_for_delivery),
        *_wrong_destinations(nodes_text, nodes, set(schemes), check_destination),
        *_two_truths(nodes_text, nodes),
        *_unknown_objects(nodes_text, nodes, set(outputs)),
        *_wrong_steps(rules_text, rules, check_step),
        *_wrong_priors(nodes_text, nodes, check_priors),
    ]
    if mistakes:
        raise Misconfigured("\n".join(mistakes))
    return Configuration(
        sources=tuple(_source(table) for table in nodes.source),
        destinations=tuple(_destination(table) for table in nodes.destination),
        protocols=tuple(_protocol(table) for table in rules.protocol),
        rules=tuple(_rule(table) for table in rules.rule),
        forwards=tuple(_forward(table) for table in rules.forward),
        stopped=tuple(StoppedModel(**table.model_dump()) for table in stopped.stopped),
        priors=tuple(PriorNode(**table.model_dump()) for table in nodes.priors),
    )


def _read(shape: type[File], name: str, text: str) -> File:
    try:
        return shape.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{name}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise Misconfigured("\n".join(_sentence(name, text, e) for e in _told(error))) from error


def _told(error: ValidationError) -> Iterable[Mapping[str, object]]:
    """Every mistake but those that follow from another: a list is not empty because its only entry is wrong."""
    found = error.errors()
    where = [one["loc"] for one in found]
    for one in found:
        inside = any(loc != one["loc"] and loc[: len(one["loc"])] == one["loc"] for loc in where)
        if not (one["type"] == "too_short" and inside):
            yield dict(one)


def _sentence(name: str, text: str, error: Mapping[str, object]) -> str:
    where = error["loc"]
    assert isinstance(where, tuple)
    key = ".".join(str(part) for part in where if isinstance(part, str) and part != "[key]")
    what = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        what = f"there is no such key{meant(key)}; see the annotated example in deploy/examples"
    return f"{name}:{line_of(text, where)}: {key}: {what}"


def _duplicates(file: str, text: str, table: str, names: list[str]) -> Iterable[str]:
    for name, count in Counter(names).items():
        if count > 1:
            line = line_of(text, (table, len(names) - 1 - names[::-1].index(name), "name"))
            yield f"{file}:{line}: {table} {name!r} stands {count} times; names are unique"


def _unknown_names(
    text: str, rules: RulesFile, nodes: NodesFile, algorithms: set[str], outputs: set[str]
) -> Iterable[str]:
    destinations, protocols = {node.name for node in nodes.destination}, {p.name for p in rules.protocol}
    sources = {source.name for source in nodes.source}
    for number, rule in enumerate(rules.rule):
        yield from _unknown(text, ("rule", number, "protocol"), {rule.protocol}, protocols, "protocol")
        yield from _unknown(text, ("rule", number, "destinations"), rule.destinations, destinations, "destination")
        yield from _unknown(text, ("rule", number, "when", "source"), _plain(rule.when.source), sources, "source")
        yield from _unknown(text, ("rule", number, "outputs"), rule.outputs, outputs, "output")
    for number, protocol in enumerate(rules.protocol):
        asked = [step.algorithm for step in protocol.steps]
        yield from _unknown(text, ("protocol", number, "steps"), asked, algorithms, "algorithm")
        archives = [step.priors for step in protocol.steps if step.priors]
        known = {node.name for node in nodes.priors}
        yield from _unknown(text, ("protocol", number, "steps"), archives, known, "priors")
    for number, forward in enumerate(rules.forward):
        where = ("forward", number, "destination")
        yield from _unknown(text, where, {forward.destination}, destinations, "destination")


def _unknown(
    text: str, where: tuple[str | int, ...], names: Iterable[str], known: set[str], kind: str
) -> Iterable[str]:
    if kind in {"algorithm", "output"} and not known:
        return
    for name in names:
        if name not in known:
            choice = ", ".join(sorted(known)) or "none is defined"
            yield f"{RULES}:{line_of(text, where)}: {kind} {name!r} does not exist; known: {choice}"


def _not_live(text: str, rules: RulesFile, not_for_delivery: Callable[[ProtocolStep], str | None]) -> Iterable[str]:
    """A live rule delivers; what may not be delivered stays in shadow."""
    steps = {table.name: _protocol(table).steps for table in rules.protocol}
    for number, rule in enumerate(rules.rule):
        for step in steps.get(rule.protocol, ()) if rule.mode is Mode.LIVE else ():
            if reason := not_for_delivery(step):
                line, who = line_of(text, ("rule", number, "mode")), step.model or step.algorithm
                yield f'{RULES}:{line}: mode: {who}: {reason}; the rule can be in mode = "shadow" only'


def _wrong_destinations(
    text: str, nodes: NodesFile, schemes: set[str], check: Callable[[DestinationNode], None]
) -> Iterable[str]:
    for number, node in enumerate(nodes.destination):
        scheme, line = node.url.split(":", 1)[0], line_of(text, ("destination", number, "url"))
        if not schemes or scheme in schemes:
            try:
                check(_destination(node))
            except Misconfigured as error:
                yield f"{NODES}:{line}: url: {error}"
        else:
            yield f"{NODES}:{line}: no destination handles {scheme!r} URLs; known: {', '.join(sorted(schemes))}"


def _unknown_objects(text: str, nodes: NodesFile, outputs: set[str]) -> Iterable[str]:
    """Roles of a destination that nothing installed writes; those of a preset are known."""
    for number, node in enumerate(nodes.destination):
        for key, names in (("objects", node.objects), ("fall_back", node.fall_back)):
            for name in names or ():
                if outputs and name not in outputs:
                    line = line_of(text, ("destination", number, key))
                    choice = ", ".join(sorted(outputs))
                    yield f"{NODES}:{line}: {key}: object {name!r} does not exist; known: {choice}"


def _wrong_steps(text: str, rules: RulesFile, check: Callable[[ProtocolStep], None]) -> Iterable[str]:
    for number, protocol in enumerate(rules.protocol):
        line = line_of(text, ("protocol", number, "steps"))
        for step in _protocol(protocol).steps:
            try:
                check(step)
            except Misconfigured as error:
                yield f"{RULES}:{line}: steps: {error}"


def _wrong_priors(text: str, nodes: NodesFile, check: Callable[[PriorNode], None]) -> Iterable[str]:
    for number, table in enumerate(nodes.priors):
        try:
            check(PriorNode(**table.model_dump()))
        except Misconfigured as error:
            yield f"{NODES}:{line_of(text, ('priors', number, 'url'))}: url: {error}"


def _two_truths(text: str, nodes: NodesFile) -> Iterable[str]:
    """Two archives that each have their identity adopted would take turns for ever where they differ."""
    adopting = [number for number, node in enumerate(nodes.destination) if node.adopt_identity]
    for number in adopting[1:]:
        line, first = line_of(text, ("destination", number, "adopt_identity")), nodes.destination[adopting[0]].name
        yield f"{NODES}:{line}: adopt_identity: {first!r} is the truth about patients already; only one can be"


def _plain(patterns: Iterable[str]) -> list[str]:
    return [pattern for pattern in patterns if not set(pattern) & set("*?[")]


def _source(table: SourceTable) -> Source:
    return Source(
        name=table.name,
        ae_title=table.ae_title,
        networks=table.networks,
        account=table.account,
        default_issuer=table.default_issuer,
        patience=Patience(quiet=table.quiet, silent=table.silent, cap=table.cap),
    )


def _destination(table: DestinationTable) -> DestinationNode:
    return DestinationNode(**table.model_dump(exclude={"preset", *_PROFILE}), profile=_profile(table))


def _profile(table: DestinationTable) -> Profile:
    """The preset, with what the table says itself in its place."""
    said = {name: value for name, value in table.model_dump(include=_PROFILE).items() if value is not None}
    return replace(PRESETS.get(table.preset or "", Profile()), **said)


def _protocol(table: ProtocolTable) -> Protocol:
    steps = tuple(
        ProtocolStep(
            kind=step.kind,
            algorithm=step.algorithm,
            model=step.model,
            adapter=step.adapter,
            context=step.context,
            priors=step.priors,
        )
        for step in table.steps
    )
    return Protocol(name=table.name, steps=steps)


def _forward(table: ForwardTable) -> Forward:
    return Forward(destination=table.destination, source=table.source, modality=table.modality)


def _rule(table: RuleTable) -> Rule:
    return Rule(
        name=table.name,
        protocol=table.protocol,
        mode=table.mode,
        priority=table.priority,
        deadline=table.deadline,
        outputs=table.outputs,
        destinations=table.destinations,
        when=_conditions(table.when),
        comment=table.comment,
    )


def _conditions(when: WhenTable) -> Conditions:
    return Conditions(
        source=when.source,
        modality=when.modality,
        body_part=when.body_part,
        view=when.view,
        sop_class=when.sop_class,
        tags=tuple(sorted(when.tags.items())),
        min_age_years=when.age_years.min,
        max_age_years=when.age_years.max,
        received_from=when.received.from_ if when.received else None,
        received_until=when.received.until if when.received else None,
        max_study_age=when.max_study_age,
    )
