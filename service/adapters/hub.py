"""The hub: checkpoints, by an explicit command alone, each file held against the digest that the hub tells.

Speaks two calls of the Hugging Face hub's HTTP API: `api/models/ID/revision/REVISION?blobs=true` and
`ID/resolve/COMMIT/FILE`. A stand-in with the same two, such as a hospital's mirror, works as well (models.hub).
"""

from __future__ import annotations

import fnmatch
import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from service.domain.errors import Misconfigured, PrereadError, Refused, Unavailable

WANTED = ("*.safetensors", "*.json", "*.jinja", "tokenizer.model", "merges.txt", "vocab.txt", "README.md", "LICENSE*")
"""Weights in a form that runs no code, and words; never a program."""
UNWANTED = ("consolidated*", "*/*")
"""The same weights once more, in their makers' own layout."""
TIMEOUT_S = 60.0
PIECE = 1 << 20
ROOM = 1.05
LOGIN, FORBIDDEN, MISSING = 401, 403, 404

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """One file of a revision."""

    name: str
    size: int
    sha256: str
    """Of a large file; empty for a small one, which has a git blob's SHA-1."""
    blob: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """One commit of a checkpoint."""

    model: str
    commit: str
    licence: str
    files: tuple[RemoteFile, ...]


class Hub:
    """Downloads of one hub."""

    def __init__(self, url: str, *, token: str = "", client: httpx.Client | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url.rstrip("/")
        self._client = client or httpx.Client(headers=headers, timeout=TIMEOUT_S, follow_redirects=True)

    def revision(self, model: str, name: str) -> Revision:
        """What the branch, tag or commit `name` of `model` holds now.

        Raises Unavailable while the hub is away, Misconfigured for a checkpoint or revision that it does not have,
        Refused for one that it does not give us.
        """
        where = f"{self._url}/api/models/{model}/revision/{quote(name, safe='')}"
        told = self._checked(where, model, name)
        try:
            files = tuple(_file(entry) for entry in told["siblings"] if _is_wanted(str(entry["rfilename"])))
            licence = (told.get("cardData") or {}).get("license") or ""
            return Revision(model=model, commit=str(told["sha"]), licence=str(licence), files=files)
        except (KeyError, TypeError, AttributeError) as error:
            raise Unavailable(f"{self._url} did not answer as a hub does", detail=repr(error)) from error

    def download(self, revision: Revision, folder: Path, *, say: Say) -> Path:
        """Every wanted file of `revision` in `folder`, whole; files that are there already are not fetched again."""
        folder.mkdir(parents=True, exist_ok=True)
        missing = [file for file in revision.files if not _is_whole(folder / file.name, file)]
        _require_room(folder, sum(file.size for file in missing))
        for number, file in enumerate(missing, 1):
            say(f"{file.name} ({file.size / 1e6:.1f} MB, {number} of {len(missing)})")
            self._fetch(revision, file, folder / file.name)
        return folder

    def _fetch(self, revision: Revision, file: RemoteFile, path: Path) -> None:
        part = path.with_name(path.name + ".part")
        where = f"{self._url}/{revision.model}/resolve/{revision.commit}/{quote(file.name)}"
        try:
            with self._client.stream("GET", where) as answer, part.open("wb") as out:
                _check(answer, revision.model, revision.commit)
                for piece in answer.iter_bytes(PIECE):
                    out.write(piece)
        except httpx.HTTPError as error:
            raise _away(self._url, error) from error
        if not _is_whole(part, file):
            part.unlink()
            raise Refused(
                f"{file.name} of {revision.model} is not the file that the hub names (digest): fetch it again"
            )
        part.replace(path)

    def _checked(self, where: str, model: str, revision: str) -> Mapping[str, Any]:
        try:
            answer = self._client.get(where, params={"blobs": "true"})
            _check(answer, model, revision)
            told = answer.json()
        except httpx.HTTPError as error:
            raise _away(self._url, error) from error
        except ValueError as error:
            raise Unavailable(f"{self._url} did not answer as a hub does", detail=repr(error)) from error
        return told if isinstance(told, dict) else {}


def _check(answer: httpx.Response, model: str, revision: str) -> None:
    if answer.status_code in (LOGIN, FORBIDDEN):
        raise Refused(
            f"the hub does not give {model} to us: accept its terms on its page, put a token into a file and name that "
            "in models.hub_token_file"
        )
    if answer.status_code == MISSING:
        raise Misconfigured(f"the hub has no {model} at revision {revision}: check both, or name a folder")
    answer.raise_for_status()


def _away(url: str, error: httpx.HTTPError) -> PrereadError:
    return Unavailable(
        f"the hub at {url} cannot be reached ({type(error).__name__}): try again, or fetch the checkpoint elsewhere "
        "and name its folder"
    )


def _file(entry: Mapping[str, Any]) -> RemoteFile:
    large = entry.get("lfs") or {}
    return RemoteFile(
        name=str(entry["rfilename"]),
        size=int(large.get("size") or entry.get("size") or 0),
        sha256=str(large.get("sha256") or ""),
        blob=str(entry.get("blobId") or ""),
    )


def _is_wanted(name: str) -> bool:
    return _is_like(name, WANTED) and not _is_like(name, UNWANTED)


def _is_like(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _is_whole(path: Path, file: RemoteFile) -> bool:
    """Whether the file is there with the digest that the hub tells: a SHA-256, or a git blob's SHA-1."""
    if not path.is_file():
        return False
    if file.sha256:
        digest, wanted = hashlib.sha256(), file.sha256
    else:
        digest, wanted = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False), file.blob
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
    return digest.hexdigest() == wanted


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed * ROOM > free:
        raise Misconfigured(
            f"the checkpoint needs {needed / 1e9:.1f} GB and {folder} has {free / 1e9:.1f} GB left: free some space"
        )
