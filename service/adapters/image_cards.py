"""What a card says of a model that reads images: task and classes of card.toml, values and shape of preread.json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from service.adapters import card_faults
from service.domain.code import Code
from service.domain.errors import Misconfigured
from service.domain.image_model import CodedClass, ImageModel, Task, Values

_DIGESTED = ("task", "temperature", "class")
"""As triton_models/engine/image_form.py has it: card and served model are compared by it."""


def _code(value: tuple[str, str, str]) -> tuple[str, str, str]:
    if not all(value) or len(value[0]) > 16 or len(value[1]) > 16 or len(value[2]) > 64:
        raise ValueError(
            'a code is written ["27925004", "SCT", "Nodule"]: at most 16, 16 and 64 characters (PS3.3 8.8)'
        )
    return value


CodeList = Annotated[tuple[str, str, str], AfterValidator(_code)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _ClassTable(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    code: CodeList
    site: CodeList | None = None
    laterality: CodeList | None = None
    threshold: float = Field(default=0.5, ge=0, le=1)
    platt: tuple[Finite, Finite] | None = None
    states_absence: bool = False


class _ImageTables(BaseModel):
    model_config = ConfigDict(extra="ignore")

    task: Task
    classes: tuple[_ClassTable, ...] = Field(alias="class", min_length=1)


class _InputTable(BaseModel):
    model_config = ConfigDict(extra="ignore")

    dimensions: Literal["2d", "3d"]
    values: Values


class _FormFile(BaseModel):
    model_config = ConfigDict(extra="ignore")

    task: Task
    input: _InputTable


def read_image_model(folder: Path, card: Mapping[str, Any]) -> ImageModel:
    """What `card` and the newest version's preread.json say. Raises Misconfigured naming what is missing or wrong."""
    try:
        tables = _ImageTables.model_validate(card)
    except ValidationError as error:
        raise Misconfigured(f"{folder.name}: card.toml: {card_faults.told(error)}") from error
    try:
        form = _FormFile.model_validate(json.loads(_newest_form(folder).read_text(encoding="utf-8")))
    except ValidationError as error:
        raise Misconfigured(f"{folder.name}: preread.json: {card_faults.told(error)}") from error
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{folder.name}: preread.json: {error}") from error
    if tables.task is not form.task:
        raise Misconfigured(f"{folder.name}: the card says task {tables.task}, preread.json {form.task}")
    return ImageModel(
        task=tables.task,
        values=form.input.values,
        volume=form.input.dimensions == "3d",
        classes=tuple(_coded(table) for table in tables.classes),
        classes_digest=_classes_digest(card),
    )


def _newest_form(folder: Path) -> Path:
    versions = [path for path in folder.iterdir() if path.name.isdecimal() and path.is_dir()]
    if not versions:
        raise Misconfigured(f"{folder.name}: no numbered version folder")
    return max(versions, key=lambda path: int(path.name)) / "preread.json"


def _coded(table: _ClassTable) -> CodedClass:
    return CodedClass(
        name=table.name,
        concept=Code(*table.code),
        site=Code(*table.site) if table.site else None,
        laterality=Code(*table.laterality) if table.laterality else None,
        threshold=table.threshold,
        states_absence=table.states_absence,
    )


def _classes_digest(card: Mapping[str, Any]) -> str:
    told = json.dumps({name: card.get(name) for name in _DIGESTED}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
