"""Getting uv with the standard library alone."""

import hashlib
import io
import json
import os
import zipfile
from pathlib import Path

import pytest

from service.embedded import get_uv
from service.embedded.get_uv import CannotGetUv

NAME, SHA256 = get_uv.wheel_here("Linux", "x86_64")
HTML = f'<html><a href="../../packages/ab/{NAME}#sha256={SHA256}">{NAME}</a><a href="other.whl">x</a></html>'.encode()


def wheel(content: bytes = b"#!/bin/sh\n") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(f"uv-{get_uv.VERSION}.data/scripts/uv", content)
    return made.getvalue()


def test_a_platform_without_a_wheel_is_told_which_ones_have_one() -> None:
    with pytest.raises(CannotGetUv, match="not packaged for Windows on AMD64"):
        get_uv.wheel_here("Windows", "AMD64")


@pytest.mark.parametrize(
    ("environ", "index"),
    [
        ({}, get_uv.PUBLIC_INDEX),
        ({"PIP_INDEX_URL": "https://mirror/simple/"}, "https://mirror/simple"),
        ({"PIP_INDEX_URL": "https://a", "UV_DEFAULT_INDEX": "https://b"}, "https://b"),
    ],
)
def test_the_index_is_the_one_that_uv_or_pip_would_use(environ: dict[str, str], index: str) -> None:
    assert get_uv.index_url(environ) == index


def test_a_file_is_found_on_an_html_page() -> None:
    found = get_uv.file_url(HTML, "text/html", "https://mirror/simple/uv/", NAME)
    assert found == f"https://mirror/packages/ab/{NAME}#sha256={SHA256}"


def test_a_file_is_found_on_a_json_page() -> None:
    page = json.dumps({"files": [{"filename": NAME, "url": f"https://files/{NAME}"}]}).encode()
    assert get_uv.file_url(page, "application/vnd.pypi.simple.v1+json", "https://x/", NAME) == f"https://files/{NAME}"


def test_an_index_without_the_file_is_told_without_its_password() -> None:
    with pytest.raises(CannotGetUv, match="has no uv") as told:
        get_uv.file_url(b"<html></html>", "text/html", "https://me:secret@mirror/uv/", NAME)
    assert "secret" not in str(told.value)


def test_a_wheel_with_another_hash_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotGetUv, match="not the one we know"):
        get_uv.unpack(wheel(), "0" * 64, str(tmp_path / "tools"))
    assert not (tmp_path / "tools").exists()


def test_a_wheel_with_the_known_hash_is_unpacked_to_run(tmp_path: Path) -> None:
    body = wheel()
    path = get_uv.unpack(body, hashlib.sha256(body).hexdigest(), str(tmp_path / "tools"))
    assert os.access(path, os.X_OK)
    assert os.listdir(tmp_path / "tools") == ["uv"]
