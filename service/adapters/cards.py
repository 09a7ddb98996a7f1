"""Model cards: card.toml beside a model's files, read once per change."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydicom.uid import UID

from service.adapters import card_faults
from service.adapters.answer_memory import answer_memory
from service.adapters.image_cards import read_image_model
from service.domain.algorithm import AdapterCard, Algorithm, AnswerMemory, Askable, Calibration, Card, Limits, Platt
from service.domain.errors import Misconfigured


class _LimitsTable(BaseModel):
    model_config = ConfigDict(extra="ignore")

    modality: tuple[str, ...] = ()
    sop_class: tuple[str, ...] = ()
    body_part: tuple[str, ...] = ()
    view: tuple[str, ...] = ()
    laterality: tuple[Literal["R", "L", "U", "B"], ...] = ()
    contrast: Literal["with", "without", ""] = ""
    max_slice_thickness_mm: float | None = Field(default=None, gt=0)
    min_age_years: float | None = None
    max_age_years: float | None = None


class _PlattTable(BaseModel):
    model_config = ConfigDict(extra="forbid")

    a: float = Field(gt=0, allow_inf_nan=False)
    b: float = Field(allow_inf_nan=False)


class _CalibrationTable(_PlattTable):
    findings: dict[str, _PlattTable] = Field(default_factory=dict)


class _QuestionsTable(BaseModel):
    """`[questions]`: one table of wordings for each kind of question."""

    model_config = ConfigDict(extra="forbid")

    free: str = Field("", max_length=1000)
    max_tokens: int = Field(48, ge=1, le=1024)
    has: dict[str, str] = Field(default_factory=dict, alias="is")
    side: dict[str, str] = Field(default_factory=dict)
    size: dict[str, str] = Field(default_factory=dict)
    where: dict[str, str] = Field(default_factory=dict)


class _CardFile(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    version: str
    digest: str
    device_uid: str
    manufacturer: str = "not stated"
    licence: str
    source: str
    intended_use: str
    demo: bool = False
    memory_mb: int = Field(default=0, ge=0)
    family: str = ""
    inexact: tuple[str, ...] = ()
    unverified_override: str = ""
    limits: _LimitsTable = Field(default_factory=_LimitsTable)
    calibration: _CalibrationTable | None = None
    evaluation: dict[str, object] = Field(default_factory=dict)
    questions: _QuestionsTable | None = None
    tasks: tuple[Literal["report-check"], ...] = ()


def read_card(folder: Path) -> Card:
    """The card in `folder`. Raises Misconfigured naming what is missing or wrong."""
    path = folder / "card.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        file = _CardFile.model_validate(table)
    except FileNotFoundError as error:
        raise Misconfigured(f"model {folder.name} has no card; a model is served with {path.name} beside it") from error
    except ValidationError as error:
        raise Misconfigured(f"{folder.name}/{path.name}: {card_faults.told(error)}") from error
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{folder.name}/{path.name}: not valid TOML: {error}") from error
    limits = file.limits
    return Card(
        algorithm=Algorithm(
            name=file.name,
            version=file.version,
            digest=file.digest.removeprefix("sha256:"),
            device_uid=UID(file.device_uid),
            manufacturer=file.manufacturer,
            demo=file.demo,
        ),
        licence=file.licence,
        source=file.source,
        intended_use=file.intended_use,
        limits=Limits(
            modalities=limits.modality,
            sop_classes=limits.sop_class,
            body_parts=limits.body_part,
            views=limits.view,
            lateralities=limits.laterality,
            contrast=limits.contrast,
            max_slice_thickness_mm=limits.max_slice_thickness_mm,
            min_age_years=limits.min_age_years,
            max_age_years=limits.max_age_years,
        ),
        calibration=_calibration(file.calibration),
        memory_mb=file.memory_mb,
        answers=None if "task" in table else _answers(folder),
        family=file.family,
        not_verified="" if "task" in table else not_verified(folder, file.digest),
        override=file.unverified_override,
        inexact=file.inexact,
        evaluation={key: str(value) for key, value in file.evaluation.items()},
        questions=_questions(file.questions),
        tasks=file.tasks,
        adapters={} if "task" in table else read_adapters(folder, file.digest),
        image=read_image_model(folder, table) if "task" in table else None,
    )


def _answers(folder: Path) -> AnswerMemory | None:
    try:
        return answer_memory(folder, newest_version(folder))
    except OSError:
        return None


def _calibration(table: _CalibrationTable | None) -> Calibration | None:
    if table is None:
        return None
    findings = {name: Platt(each.a, each.b) for name, each in table.findings.items()}
    return Calibration(default=Platt(table.a, table.b), findings=findings)


def _questions(table: _QuestionsTable | None) -> Askable | None:
    if table is None:
        return None
    wordings = {"is": table.has, "side": table.side, "size": table.size, "where": table.where}
    return Askable(wordings=wordings, free=table.free, max_tokens=table.max_tokens)


def not_verified(folder: Path, digest: str) -> str:
    """Why the model is not known to answer as the framework's does, as its verify.json tells; "" if it is.

    The engine looks, too, with the files' own digest, and serves nothing that is not verified or overridden.
    """
    try:
        record = json.loads((newest_version(folder) / "verify.json").read_text(encoding="utf-8"))
        if record.get("digest", digest) != digest:
            return "it was verified with other files"
        if record["greedy_tokens_identical"] < record["prompts"] and not record.get("differences"):
            return f"{record['greedy_tokens_identical']} of {record['prompts']} answers are the framework's model's"
        return "; ".join(record.get("differences", []))
    except FileNotFoundError:
        return "it was never verified"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"its verify.json cannot be read ({type(error).__name__})"


def read_adapters(folder: Path, digest: str = "") -> dict[str, AdapterCard]:
    """The adapters beside the model in `folder`, as their records tell of them; of the model with `digest`, if given.

    The engine looks, too, with the files' own digests.
    """
    try:
        files = sorted((newest_version(folder) / "adapters").glob("*.onnx_adapter"))
    except OSError:
        return {}
    return {file.stem: _adapter(file, digest) for file in files}


def _adapter(file: Path, digest: str) -> AdapterCard:
    try:
        told = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        wrong = "; ".join(told["differences"])
        if digest and told["model_digest"] != digest:
            wrong = "it was verified with another model"
        return AdapterCard(
            name=file.stem, digest=str(told["digest"]).removeprefix("sha256:"), licence=str(told["licence"]),
            source=str(told["source"]), trained_on=str(told["trained_on"]), not_verified=wrong,
            override=str(told.get("unverified_override", "")),
        )  # fmt: skip
    except FileNotFoundError:
        wrong = "it was never verified"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        wrong = f"its record cannot be read ({type(error).__name__})"
    return AdapterCard(name=file.stem, digest="", licence="", source="", not_verified=wrong)


def newest_version(folder: Path) -> Path:
    """The version folder that is served. Raises FileNotFoundError where there is none."""
    versions = [path for path in folder.iterdir() if path.name.isdecimal() and path.is_dir()]
    if not versions:
        raise FileNotFoundError(folder / "1")
    return max(versions, key=lambda path: int(path.name))


def installed_models(repositories: tuple[Path, ...]) -> tuple[str, ...]:
    """The names of all model folders; where two repositories have one of a name, the first counts."""
    return tuple(sorted({card.parent.name for folder in repositories for card in folder.glob("*/card.toml")}))


def find_card(model: str, repositories: tuple[Path, ...]) -> Card:
    """The card of `model` in the first repository that has it. Raises Misconfigured if none has."""
    return read_card(find_folder(model, repositories))


def find_folder(model: str, repositories: tuple[Path, ...]) -> Path:
    """The folder of `model` in the first repository that has it. Raises Misconfigured if none has."""
    for repository in repositories:
        if (repository / model / "card.toml").is_file() or (repository / model / "config.pbtxt").is_file():
            return repository / model
    raise Misconfigured(f"model {model} is in no model repository; `preread models list` names those that are")
