"""Read a table of associations. A site's file replaces ours as a whole: whoever reviewed it knows what is in it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from service.domain.differential import Diagnosis, Sign, Table
from service.domain.errors import Misconfigured
from service.domain.prose.site import SITES
from service.domain.prose.vocabulary import TERMS

OWN = Path(__file__).with_name("own.toml")
MOST_BYTES = 256 * 1024
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]*$")
]


class _SignTable(BaseModel):
    model_config = ConfigDict(extra="forbid")

    finding: str
    weight: int = Field(ge=1, le=3)
    absent: bool = False
    both: bool = False
    site: str = ""

    @field_validator("finding")
    @classmethod
    def _known(cls, finding: str) -> str:
        if finding not in TERMS:
            raise ValueError(f"no rule reads the finding {finding!r}; known are {', '.join(sorted(TERMS))}")
        return finding

    @field_validator("site")
    @classmethod
    def _placed(cls, site: str) -> str:
        if site and site not in SITES:
            raise ValueError(f"no rule reads the site {site!r}; known are {', '.join(sorted(SITES))}")
        return site

    def sign(self) -> Sign:
        return Sign(finding=self.finding, weight=self.weight, absent=self.absent, both=self.both, site=self.site)


class _DiagnosisTable(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    supports: tuple[_SignTable, ...] = Field(alias="for", min_length=1, max_length=20)
    opposes: tuple[_SignTable, ...] = Field(default=(), alias="against", max_length=20)

    def diagnosis(self) -> Diagnosis:
        return Diagnosis(
            name=self.name,
            supports=tuple(each.sign() for each in self.supports),
            opposes=tuple(each.sign() for each in self.opposes),
        )


class _TableFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    version: Name
    statement: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
    diagnosis: tuple[_DiagnosisTable, ...] = Field(min_length=1, max_length=300)


class TomlDifferentials:
    """The port `Differentials`: the site's file where there is one, else ours; read anew each time."""

    def __init__(self, site: Path) -> None:
        self._site = site

    def table(self) -> Table:
        return read_table(self._site if self._site.is_file() else OWN)


def read_table(path: Path) -> Table:
    """Raises Misconfigured, naming the file and what is wrong in it."""
    try:
        text = path.read_bytes()
        if len(text) > MOST_BYTES:
            raise Misconfigured(f"{path} is larger than {MOST_BYTES // 1024} KiB: keep the table shorter")
        file = _TableFile.model_validate(tomllib.loads(text.decode("utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read as a table of associations: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(each) for each in first["loc"])
        raise Misconfigured(f"{path}: {where}: {first['msg']}") from error
    return Table(
        name=file.name,
        version=file.version,
        statement=file.statement,
        diagnoses=tuple(each.diagnosis() for each in file.diagnosis),
    )
