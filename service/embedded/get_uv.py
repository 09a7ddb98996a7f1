"""Bring uv with nothing but the standard library: `python3 service/embedded/get_uv.py FOLDER`.

run.sh starts this before anything is installed, with whatever Python 3.8 or newer is there; so it imports nothing of
ours. The wheel comes from the configured package index and must have the SHA-256 of the table below.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import platform
import ssl
import sys
import urllib.error
import urllib.request
import zipfile
from base64 import b64encode
from html.parser import HTMLParser
from urllib.parse import unquote, urljoin, urlsplit

VERSION = "0.13.9"
PUBLIC_INDEX = "https://pypi.org/simple"
INDEX_SETTINGS = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
"""Where Debian and Red Hat keep certificates; a Python without the openssl package may not know."""
TIMEOUT_S = 60
PIECE_BYTES = 1 << 18

WHEELS = {
    ("Linux", "x86_64"): (
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",
    ),
    ("Linux", "aarch64"): (
        "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64",
        "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",
    ),
    ("Darwin", "arm64"): (
        "macosx_11_0_arm64",
        "66c512266d633bef48384a1f53003f41f2a8e7b36fe6e7fbfd3e0fd52d96fa63",
    ),
}


class CannotGetUv(Exception):
    """One sentence that names the remedy."""


class _Links(HTMLParser):
    """The links of an index page, by file name (PEP 503)."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        url = dict(attrs).get("href")
        if tag == "a" and url:
            self.urls[urlsplit(url).path.rpartition("/")[2]] = url


def wheel_here(system: str, machine: str) -> tuple[str, str]:
    """Return file name and SHA-256 of the wheel for this platform. Raises CannotGetUv."""
    if (system, machine) not in WHEELS:
        raise CannotGetUv(
            f"preread is not packaged for {system} on {machine}: use Linux on x86-64 or ARM64, or macOS 14 or newer "
            "on Apple silicon."
        )
    tag, sha256 = WHEELS[system, machine]
    return f"uv-{VERSION}-py3-none-{tag}.whl", sha256


def index_url(environ: dict[str, str]) -> str:
    """Return the package index that uv or pip would use."""
    return next((environ[name] for name in INDEX_SETTINGS if environ.get(name)), PUBLIC_INDEX).rstrip("/")


def file_url(page: bytes, content_type: str, base: str, name: str) -> str:
    """Return the address of the file `name` that an index page (JSON by PEP 691 or HTML) lists. Raises CannotGetUv."""
    text = page.decode("utf-8", errors="replace")
    if "json" in content_type:
        urls = {entry["filename"]: entry["url"] for entry in json.loads(text)["files"]}
    else:
        links = _Links()
        links.feed(text)
        urls = links.urls
    if name not in urls:
        raise CannotGetUv(
            f"The package index {_shown(base)} has no {name}: install uv {VERSION} yourself and start again."
        )
    return urljoin(base, str(urls[name]))


def unpack(wheel: bytes, sha256: str, folder: str) -> str:
    """Check `wheel` and put its uv into `folder` in one step; return its path. Raises CannotGetUv."""
    if hashlib.sha256(wheel).hexdigest() != sha256:
        raise CannotGetUv("The uv wheel from the package index is not the one we know: ask who runs that index.")
    os.makedirs(folder, exist_ok=True)
    part, path = os.path.join(folder, f".uv-part-{os.getpid()}"), os.path.join(folder, "uv")
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive, open(part, "wb") as out:
        out.write(archive.read(f"uv-{VERSION}.data/scripts/uv"))
    os.chmod(part, 0o755)
    os.replace(part, path)
    return path


def context(index: str, environ: dict[str, str]) -> ssl.SSLContext:
    """Return how to verify the index.

    A minimal system may have no certificates at all, and installing them needs root. The wheel's hash stands in the
    table above, so it is then fetched unverified, unless a password would travel with the request.
    """
    places = ssl.get_default_verify_paths()
    named = (environ.get("SSL_CERT_FILE"), environ.get("PIP_CERT"), places.cafile, *BUNDLES)
    bundle = next((file for file in named if file and os.path.isfile(file)), None)
    if bundle or (places.capath and os.listdir(places.capath)):
        return ssl.create_default_context(cafile=bundle)
    if urlsplit(index).password:
        raise CannotGetUv("This system has no certificates to check the package index: install ca-certificates.")
    print("no certificates on this system: fetching uv unverified, then checking its known SHA-256", file=sys.stderr)
    return ssl._create_unverified_context()


def get(url: str, verify: ssl.SSLContext, progress: str = "") -> tuple[bytes, str, str]:
    """Return body, content type and final address of `url`, showing the progress of a long one."""
    accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5, */*;q=0.1"
    request = urllib.request.Request(_without_password(url), headers={"Accept": accept, "User-Agent": "preread-setup"})
    if urlsplit(url).password:
        request.add_header("Authorization", _basic(url))
    with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=verify) as answer:
        total, body = int(answer.headers.get("Content-Length") or 0), b""
        while piece := answer.read(PIECE_BYTES):
            body += piece
            if progress and sys.stderr.isatty():
                share = f"{100 * len(body) // total} %" if total else f"{len(body) >> 20} MB"
                print(f"\r{progress} {share}", end="", file=sys.stderr)
        if progress and sys.stderr.isatty():
            print(file=sys.stderr)
        return body, answer.headers.get("Content-Type", ""), answer.geturl()


def bring(folder: str, environ: dict[str, str]) -> str:
    """Put uv into `folder` and return its path. Raises CannotGetUv."""
    name, sha256 = wheel_here(platform.system(), platform.machine())
    index = index_url(environ)
    print(f"fetching uv {VERSION} (17 MB, once) from {_shown(index)}", file=sys.stderr)
    try:
        verify = context(index, environ)
        page, kind, base = get(f"{index}/uv/", verify)
        wheel, _, _ = get(file_url(page, kind, base, name), verify, progress="uv")
    except (urllib.error.URLError, TimeoutError, ConnectionError) as problem:
        reason = getattr(problem, "reason", problem)
        raise CannotGetUv(
            f"The package index {_shown(index)} cannot be reached ({reason}): check the network, HTTPS_PROXY, or "
            "UV_DEFAULT_INDEX / PIP_INDEX_URL if you have a mirror."
        ) from problem
    return unpack(wheel, sha256, folder)


def _basic(url: str) -> str:
    parts = urlsplit(url)
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + b64encode(pair.encode()).decode()


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _shown(url: str) -> str:
    """Return `url` fit for a terminal: without password and path."""
    parts = urlsplit(_without_password(url))
    return f"{parts.scheme}://{parts.netloc}"


def main() -> int:
    """Print uv's path, or one sentence."""
    parser = argparse.ArgumentParser(description="Bring uv out of its wheel.")
    parser.add_argument("folder")
    try:
        print(bring(parser.parse_args().folder, dict(os.environ)))
    except (CannotGetUv, OSError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
