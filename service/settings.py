"""Settings: one frozen object, read once from preread.toml and the environment, passed down.

Environment variables are `PREREAD_` + name, nested with two underscores (`PREREAD_SCP__PORT=11112`), and win
over the file. Rules and nodes are not settings: they are versions in the ledger (`preread config apply`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydicom.uid import UID

from service.domain.uids import derive_uid


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scp(_Part):
    """The Storage SCP."""

    ae_title: str = "PREREAD"
    host: str = "127.0.0.1"
    port: int = 11112
    max_pdu: Annotated[int, Field(ge=4096, le=16 * 1024**2)] = 131072
    """Largest PDU we accept, in bytes; each association may keep so many in memory."""
    max_associations: int = 32
    max_object_bytes: int = 4 * 1024**3
    """One object larger than this is refused with 0xA700."""
    network_timeout_s: float = 60
    acse_timeout_s: float = 30
    dimse_timeout_s: float = 60


class Web(_Part):
    """Pages, metrics and health."""

    host: str = "127.0.0.1"
    port: int = 8042
    session_hours: float = 12
    store_requests: int = 8
    """Store requests (STOW-RS) that are taken at once; more are asked to come again."""
    store_max_bytes: int = 16 * 1024**3
    """One store request larger than this is refused with 413; one object is bounded by scp.max_object_bytes."""
    language: Literal["en", "de"] = "en"
    """Language of the pages for a visitor who chose none and whose browser asks for none that there is."""


class Models(_Part):
    """The model server."""

    url: str = ""
    """host:port of Triton's gRPC endpoint, or unix:/path of the local engine; empty for the embedded one."""
    repositories: tuple[Path, ...] = ()
    """Model repositories besides the one that comes with preread; cards are read from all of them."""
    device: Literal["", "cpu", "cuda"] = ""
    """What the models that `up` serves must run on, or they are not served; empty for what each model names itself."""
    timeout_s: float = 120
    """How long one answer may take."""
    hub: str = "https://huggingface.co"
    """Where `preread models add` takes checkpoints from; nothing else ever asks it."""
    hub_token_file: str = ""
    """File with a token for checkpoints whose makers want to know who takes them."""
    export_python: str = ""
    """Python with the extra `export`, in an environment of its own; data/export/bin/python if it is not named."""
    memory_mb: int = 0
    """What all models that `up` serves may take together, by their cards; 0 for four fifths of the machine."""


class Worker(_Part):
    """Whatever runs unattended."""

    concurrency: int = 2
    lease_s: float = 30
    """How long after its worker died a reading is taken up again; renewed while it works."""
    sweep_s: float = 1.0
    """How often a process looks for complete studies and due lanes."""
    deliver_concurrency: int = 4
    """Destinations that are sent to at once: one that hangs holds one place."""


class Site(_Part):
    """Who we are, as results say it."""

    name: str = "main"
    zone: str = "Europe/Berlin"
    institution: str = ""
    device_serial: str = "0001"
    language: str = "en"
    ai_after_first_read: bool = False
    """Whether a radiologist notes a first impression before pages show what the AI says."""


class Settings(BaseSettings):
    """Everything a process needs to know before it starts."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix="PREREAD_", env_nested_delimiter="__")

    data: Path = Path("data")
    """Folder of ledger, spool, sockets and logs."""
    database: str = ""
    """SQLAlchemy URL; empty for SQLite in `data`."""
    broker: str = ""
    """Redis URL; empty for the embedded one's socket in `data`."""
    disk_reserve_bytes: int = 1024**3
    """Below this much free space the receiver rejects associations."""
    site: Site = Site()
    scp: Scp = Scp()
    web: Web = Web()
    models: Models = Models()
    worker: Worker = Worker()

    @property
    def model_repositories(self) -> tuple[Path, ...]:
        """Every model repository, the site's own before ours, which is the last."""
        return (*self.models.repositories, self.own_models, Path(__file__).resolve().parent.parent / "triton_models")

    @property
    def own_models(self) -> Path:
        """Where `preread models add` puts what it makes."""
        return self.data / "models"

    @property
    def own_templates(self) -> Path:
        """Where `preread templates add` keeps the site's templates, beside its phrase files."""
        return self.data / "templates"

    @property
    def own_differential(self) -> Path:
        """The site's own table of associations for differentials; ours holds while there is none."""
        return self.data / "differential.toml"

    @property
    def device_uid(self) -> UID:
        """Device UID (0018,1002) of this installation: how its objects are known when they come back."""
        return derive_uid("preread device", self.site.name, self.site.device_serial)

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{(self.data / 'ledger.sqlite').resolve()}"

    @property
    def broker_url(self) -> str:
        return self.broker or f"redis+socket://{(self.data / 'redis.sock').resolve()}"

    @classmethod
    def load(cls, file: Path | None = None, **overrides: Any) -> Settings:
        """Read `file` (if given) and the environment. Raises pydantic's ValidationError."""

        class FromFile(cls):  # type: ignore[misc, valid-type]
            @classmethod
            def settings_customise_sources(
                cls, settings_cls: type[BaseSettings], **sources: PydanticBaseSettingsSource
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                toml = (TomlConfigSettingsSource(settings_cls, file),) if file else ()
                return (sources["init_settings"], sources["env_settings"], *toml)

        loaded: Settings = FromFile(**overrides)
        return loaded


def as_environment(settings: Settings) -> dict[str, str]:
    """The environment variables under which `Settings.load()` gives these settings again."""
    found: dict[str, str] = {}
    for name, value in settings.model_dump(mode="json").items():
        for key, part in value.items() if isinstance(value, dict) else (("", value),):
            variable = f"PREREAD_{name}__{key}" if key else f"PREREAD_{name}"
            found[variable.upper()] = json.dumps(part) if isinstance(part, list | bool) else str(part)
    return found
