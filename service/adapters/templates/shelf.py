"""The shelf: our templates and phrases as package data, the site's own in its folder; of one name, the site's wins."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from service.adapters.durable import fsync_folder, make_folder
from service.adapters.templates.cde import read_cde
from service.adapters.templates.mrrt import MOST_BYTES, read_mrrt
from service.adapters.templates.phrasing import read_phrases
from service.domain.errors import Misconfigured
from service.domain.phrase import Phrases
from service.domain.template import Template

OURS = Path(__file__).parent / "own"
_READERS = {".html": read_mrrt, ".htm": read_mrrt, ".json": read_cde}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class TemplateShelf:
    """The port `Templates` over two folders; a file is read again when it has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def all(self) -> Sequence[Template]:
        return [found for name in sorted(self._files()) if (found := self.template(name))]

    def broken(self) -> Sequence[str]:
        return [str(error) for file in self._files().values() if (error := _read(file, _stamp(file))[1])]

    def template(self, name: str) -> Template | None:
        file = self._files().get(name)
        return _read(file, _stamp(file))[0] if file else None

    def phrases(self, language: str) -> Phrases:
        wanted = language.split("-")[0].lower()
        ours = [OURS / f"phrases.{wanted}.toml", OURS / "phrases.en.toml"]
        base = _said(found := next(file for file in ours if file.is_file()), _stamp(found))
        own = self._folder / f"phrases.{base.language}.toml"
        if not own.is_file():
            return base
        site = _said(own, _stamp(own))
        return replace(site, phrases=(*site.phrases, *base.phrases))

    def _files(self) -> dict[str, Path]:
        """Templates by name, the site's after ours."""
        return {file.stem: file for folder in (OURS, self._folder) for file in sorted(_templates(folder))}


def read_template(file: Path) -> Template:
    """The template in `file`. Raises Misconfigured with file, line and remedy."""
    reader = _READERS.get(file.suffix.lower())
    if reader is None:
        raise Misconfigured(f"{file.name}: a template is .html (IHE MRRT) or .json (common data elements)")
    if not _NAME.fullmatch(file.stem):
        raise Misconfigured(f"{file.name}: a template's file is called by letters, digits, - and _, up to 64 of them")
    return reader(file.name, _text(file))


def keep_template(file: Path, folder: Path) -> Template:
    """Copy a template that can be read to the site's folder. Raises Misconfigured, for a name that is taken, too."""
    found = read_template(file)
    target = folder / file.name
    if taken := next((each for each in _templates(folder) if each.stem == file.stem and each != target), None):
        raise Misconfigured(f"{taken} has this name already; remove it, or call {file.name} something else")
    make_folder(folder)
    fresh = folder / f".{file.name}.part"
    shutil.copyfile(file, fresh)
    fresh.replace(target)
    fsync_folder(folder)
    return found


def _templates(folder: Path) -> Iterator[Path]:
    return (file for file in folder.glob("*") if file.suffix.lower() in _READERS and file.is_file())


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MOST_BYTES:
            raise Misconfigured(f"{file.name}:1: larger than {MOST_BYTES // 1024} KiB, more than any template needs")
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{file.name} is not text in UTF-8; save it as that") from error
    except OSError as error:
        raise Misconfigured(f"{file.name} cannot be read: {error.strerror}") from error


def _stamp(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=256)
def _read(file: Path, stamp: tuple[int, int]) -> tuple[Template | None, Misconfigured | None]:
    try:
        return read_template(file), None
    except Misconfigured as error:
        return None, error


@lru_cache(maxsize=16)
def _said(file: Path, stamp: tuple[int, int]) -> Phrases:
    return read_phrases(file.name, _text(file))
