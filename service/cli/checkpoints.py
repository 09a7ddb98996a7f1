"""Checkpoints on this disk or on the hub, told by the digest of their files."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from service.adapters.hub import Hub
from service.cli.show import console
from service.domain.errors import Misconfigured
from service.settings import Settings

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
MERGED = "; merged with the adapter in "
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A checkpoint on this disk, and where it came from."""

    folder: Path
    source: str
    licence: str


def checkpoint(source: str, revision: str, digest: str, settings: Settings) -> Found:
    """The checkpoint on this disk. Raises Misconfigured where its files have another digest than was asked for."""
    folder = Path(source)
    where, licence = f"folder {folder.absolute()}", licence_of(folder)
    if not folder.is_dir():
        folder, where, licence = _downloaded(source, revision, settings)
    found = digest_of(folder)
    if digest and digest.removeprefix("sha256:") != found:
        raise Misconfigured(f"the checkpoint's files have digest sha256:{found}, not the one that was asked for")
    return Found(folder=folder, source=f"{where}, files sha256:{found}", licence=licence)


def check_source(source: str) -> None:
    """Before anything else is looked for. Raises Misconfigured for what is neither a checkpoint's folder nor an id."""
    folder = Path(source)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise Misconfigured(f"{folder} has no config.json: name the folder of a checkpoint as the hub lays it out")
    elif not HUB_ID.fullmatch(source):
        raise Misconfigured(f"{source} is neither a folder nor an id on the hub (OWNER/NAME)")


def _downloaded(source: str, revision: str, settings: Settings) -> tuple[Path, str, str]:
    """A checkpoint of the hub: its folder, where it came from, its licence."""
    token = settings.models.hub_token_file
    hub = Hub(settings.models.hub, token=Path(token).read_text(encoding="utf-8").strip() if token else "")
    found = hub.revision(source, revision)
    if not COMMIT.fullmatch(revision):
        say(f"{source} {revision} is commit {found.commit}: name it with --revision to have the same again")
    kept = settings.data / "checkpoints" / source.replace("/", "--") / found.commit
    hub.download(found, kept, say=say)
    return kept, f"{settings.models.hub}/{source} at {found.commit}", found.licence


def with_adapter(found: Found, adapter: Path | None) -> Found:
    """The checkpoint as it is with an adapter merged into it: licensed only where both are."""
    if adapter is None:
        return found
    licences = [found.licence, licence_of(adapter)]
    licence = " and ".join(dict.fromkeys(licences)) if all(licences) else ""
    told = f"{MERGED}folder {adapter.absolute()}, files sha256:{digest_of(adapter)}"
    return replace(found, source=f"{found.source}{told}", licence=licence)


def licence_of(folder: Path) -> str:
    """What the checkpoint's README says in its first block (the hub's model card), or ""."""
    readme = folder / "README.md"
    head = readme.read_text(encoding="utf-8", errors="replace").split("---")[1:2] if readme.is_file() else []
    named = re.search(r"^license:\s*(\S+)\s*$", head[0], re.MULTILINE) if head else None
    return named[1].strip("\"'") if named else ""


def digest_of(folder: Path) -> str:
    """SHA-256 over what `sha256sum` prints for the checkpoint's files in the order of their names."""
    lines = hashlib.sha256()
    for file in sorted(folder.iterdir(), key=lambda path: path.name.encode()):
        if file.is_file():
            with file.open("rb") as stream:
                lines.update(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {file.name}\n".encode())
    return lines.hexdigest()


def say(words: str) -> None:
    """Print a step of something long."""
    console.print(f"  {words}")
