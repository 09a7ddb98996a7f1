"""The shape of rules.toml and nodes.toml: what may stand where, in which type. No expressions, no eval."""

from __future__ import annotations

import ipaddress
import re
from datetime import time, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from service.domain.context import ALL
from service.domain.prior import Retrieve
from service.domain.profile import PRESETS, CharacterSet
from service.domain.protocol import ANY_MODEL, StepKind
from service.domain.rule import Mode, Priority
from service.domain.study import ROUTING_KEYWORDS

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _duration(value: object) -> object:
    if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
        return timedelta(seconds=float(found[1]) * _SECONDS[found[2]])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=value)
    raise ValueError('a duration is written like "2s", "30m", "12h" or "30d"')


def _network(value: str) -> str:
    ipaddress.ip_network(value, strict=False)
    return value


def _ae_title(value: str) -> str:
    if not 1 <= len(value.strip()) <= 16 or "\\" in value or not value.isascii():
        raise ValueError("an AE title has 1 to 16 ASCII characters without backslash (PS3.5 6.2)")
    return value.strip()


def _url(value: str) -> str:
    parts = urlsplit(value)
    if not parts.scheme or not (parts.netloc or parts.path):
        raise ValueError('a destination is written like "dicom://AE_TITLE@host:port" or "file:///folder"')
    return value


def _priority(value: object) -> object:
    if isinstance(value, str) and value.upper() in Priority.__members__:
        return Priority[value.upper()]
    raise ValueError(f"one of {', '.join(name.lower() for name in Priority.__members__)}")


def _keyword(value: str) -> str:
    if value not in ROUTING_KEYWORDS:
        raise ValueError(f"{value} is not indexed; a rule may ask for: {', '.join(ROUTING_KEYWORDS)}")
    return value


def _context_field(value: str) -> str:
    if value not in ALL:
        raise ValueError(f"{value} never stands in a prompt; a model may be told: {', '.join(ALL)}")
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Network = Annotated[str, AfterValidator(_network)]
AeTitle = Annotated[str, AfterValidator(_ae_title)]
OwnAeTitle = Annotated[str, AfterValidator(lambda value: _ae_title(value) if value else "")]
Url = Annotated[str, AfterValidator(_url)]
RulePriority = Annotated[Priority, BeforeValidator(_priority)]
ContextField = Annotated[str, AfterValidator(_context_field)]
Keyword = Annotated[str, AfterValidator(_keyword)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Patterns = Annotated[tuple[str, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceTable(_Table):
    """[[source]] in nodes.toml."""

    name: Name
    ae_title: OwnAeTitle = ""
    networks: tuple[Network, ...] = Field(min_length=1)
    account: str = Field(default="", max_length=64)
    default_issuer: str = ""
    quiet: Duration = timedelta(seconds=2)
    silent: Duration = timedelta(seconds=60)
    cap: Duration = timedelta(minutes=15)

    @model_validator(mode="after")
    def _says_who_sends(self) -> SourceTable:
        if not self.ae_title and not self.account:
            raise ValueError("a source needs ae_title (it sends over DICOM), account (over STOW-RS), or both")
        return self


class DestinationTable(_Table):
    """[[destination]] in nodes.toml."""

    name: Name
    url: Url
    calling_ae_title: OwnAeTitle = ""
    identity_check: bool = True
    adopt_identity: bool = False
    not_analysed: bool = True
    preset: str | None = None
    objects: tuple[Name, ...] | None = None
    fall_back: tuple[Name, ...] | None = None
    character_set: CharacterSet | None = None
    series_number: int | None = Field(default=None, ge=0, le=2**31 - 1000)
    max_objects: int | None = Field(default=None, ge=0)
    forms: bool | None = None

    @field_validator("preset")
    @classmethod
    def _is_known(cls, value: str | None) -> str | None:
        if value is not None and value not in PRESETS:
            raise ValueError(f"one of {', '.join(PRESETS)}")
        return value


class PriorsTable(_Table):
    """[[priors]] in nodes.toml: an archive that is asked for earlier studies."""

    name: Name
    url: Url
    retrieve: Retrieve = Retrieve.GET
    move_ae_title: OwnAeTitle = ""
    move_port: int = Field(default=0, ge=0, le=65535)
    networks: tuple[Network, ...] = ()
    default_issuer: str = ""
    max_age: Duration = timedelta(days=5 * 365)
    max_studies: int = Field(default=20, ge=1, le=100)
    max_images: int = Field(default=8, ge=1, le=64)
    max_object_bytes: int = Field(default=256 * 1024**2, ge=1024**2)
    max_bytes: int = Field(default=1024**3, ge=1024**2)
    wait: Duration = timedelta(seconds=20)


class NodesFile(_Table):
    source: tuple[SourceTable, ...] = ()
    destination: tuple[DestinationTable, ...] = ()
    priors: tuple[PriorsTable, ...] = ()


class StepTable(_Table):
    kind: StepKind
    algorithm: Name
    context: tuple[ContextField, ...] = ()
    model: Name | Literal[""] = ""
    adapter: Name | Literal[""] = ""
    priors: Name | Literal[""] = ""

    @model_validator(mode="after")
    def _names_a_model_where_one_is_needed(self) -> StepTable:
        if (self.algorithm == ANY_MODEL) != bool(self.model):
            raise ValueError(
                f'algorithm "{ANY_MODEL}" needs a model, and no other algorithm takes one: each has its own '
                "(deploy/docs/models.md, a model that writes comes to read)"
            )
        return self

    @model_validator(mode="after")
    def _names_an_archive_where_it_compares(self) -> StepTable:
        if (self.kind is StepKind.COMPARE) != bool(self.priors):
            raise ValueError('a step of kind "compare" needs priors, the name of a [[priors]], and no other takes one')
        if self.kind is StepKind.COMPARE and self.model:
            raise ValueError('a step of kind "compare" reads the earlier study with the algorithm of a "draft" step')
        return self


class ProtocolTable(_Table):
    """[[protocol]] in rules.toml."""

    name: Name
    steps: tuple[StepTable, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _compares_like_with_like(self) -> ProtocolTable:
        """Two studies that were read with different weights differ by that, too."""
        drafts = {step.algorithm: step.adapter for step in self.steps if step.kind is StepKind.DRAFT}
        for step in self.steps:
            if step.kind is StepKind.COMPARE and step.adapter != drafts.get(step.algorithm, step.adapter):
                raise ValueError(
                    f'a step of kind "compare" needs the adapter of the step that drafts: {step.algorithm}'
                )
        return self


class AgeTable(_Table):
    min: float | None = None
    max: float | None = None


class WindowTable(_Table):
    from_: time = Field(alias="from")
    until: time


class WhenTable(_Table):
    """What a rule asks: every line must hold, one pattern of a line is enough."""

    source: Patterns = ()
    modality: Patterns = ()
    body_part: Patterns = ()
    view: Patterns = ()
    sop_class: Patterns = ()
    tags: dict[Keyword, Patterns] = Field(default_factory=dict)
    age_years: AgeTable = AgeTable()
    received: WindowTable | None = None
    max_study_age: Duration | None = None


class RuleTable(_Table):
    """[[rule]] in rules.toml."""

    name: Name
    protocol: Name
    mode: Mode = Mode.SHADOW
    priority: RulePriority = Priority.MEDIUM
    deadline: Duration = timedelta(hours=1)
    outputs: tuple[Name, ...] = ("basic-text-sr", "tid1500")
    destinations: tuple[Name, ...] = ()
    when: WhenTable = WhenTable()
    comment: str = ""


class ForwardTable(_Table):
    """[[forward]] in rules.toml: originals that leave at once."""

    destination: Name
    source: Patterns = ()
    modality: Patterns = ()


class StoppedTable(_Table):
    """[[stopped]] in stopped.toml, which `preread models stop` writes."""

    model: Name
    digest: str
    by: str
    reason: str = ""


class StoppedFile(_Table):
    stopped: tuple[StoppedTable, ...] = ()


class RulesFile(_Table):
    protocol: tuple[ProtocolTable, ...] = ()
    rule: tuple[RuleTable, ...] = ()
    forward: tuple[ForwardTable, ...] = ()


def every_table() -> tuple[type[BaseModel], ...]:
    """Every kind of table that may stand in the files."""
    return tuple(_Table.__subclasses__())
