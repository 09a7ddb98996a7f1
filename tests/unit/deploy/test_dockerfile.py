"""The images, held against what must be in them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from fnmatch import fnmatch

from tests.unit.deploy.repository import DEPLOY, DOCKERFILE, ROOT

TEXT = DOCKERFILE.read_text(encoding="utf-8")
PACKAGE_OF = {
    "PIL": "pillow",
    "llguidance": "llguidance",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "onnxruntime_genai": "onnxruntime-genai",
}
GPU_NAME = {"onnxruntime": "onnxruntime-gpu", "onnxruntime-genai": "onnxruntime-genai-cuda"}
GIVEN = {"engine", "triton_python_backend_utils"}
"""What the model repository and Triton themselves bring."""


def imports_of_the_engine() -> set[str]:
    found: set[str] = set()
    for file in (ROOT / "triton_models").glob("engine/*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module).split(".")[0])
    return found - set(sys.stdlib_module_names) - GIVEN


def allowed_in_the_context(path: str) -> bool:
    """What .dockerignore lets through: it begins with everything, and names what is wanted."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    wanted = [line[1:] for line in lines if line.startswith("!")]
    return any(path == name or path.startswith(f"{name}/") for name in wanted)


def test_the_engine_finds_every_package_that_it_imports() -> None:
    wanted = {PACKAGE_OF[name] for name in imports_of_the_engine()}
    assert picked_from("requirements.lock") == wanted
    assert picked_from("requirements-gpu.lock") == {GPU_NAME.get(name, name) for name in wanted}


def picked_from(lock: str) -> set[str]:
    """What the image of `lock` installs; fails the test where a hash was lost on the way."""
    command = ["awk", "-f", DEPLOY / "docker" / "pick-engine.awk", ROOT / lock]
    picked = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    entries = re.findall(r"^([a-z-]+)==.*\n((?: +--hash=sha256:[0-9a-f]{64}.*\n)+)", picked, re.MULTILINE)
    assert len(entries) == len(re.findall(r"^\S", picked, re.MULTILINE))
    return {name for name, _ in entries}


def test_everything_is_installed_by_hash_and_nothing_is_built() -> None:
    installs = re.findall(r"pip install (.+?)(?:\n[A-Z]|$)", TEXT, re.DOTALL)
    locked = [line for line in installs if "--editable" not in line]
    assert len(locked) == 2
    assert all("--require-hashes" in line and "--only-binary :all:" in line for line in locked)


def test_what_is_copied_is_there_and_in_the_build_context() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+)$", TEXT, re.MULTILINE)
    sources = {source for words in copied for source in words.split()[:-1]}
    assert {"service", "triton_models", "requirements.lock", "requirements-gpu.lock"} <= sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert allowed_in_the_context(source), source


def test_neither_secrets_nor_history_nor_data_are_in_the_build_context() -> None:
    for path in (".git", ".venv", "data", "tests", "deploy/docker/secrets/preread.toml"):
        assert not allowed_in_the_context(path)
    assert (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()[1] == "*"


def test_both_images_run_as_somebody_else_than_root() -> None:
    stages = re.split(r"^FROM ", TEXT, flags=re.MULTILINE)[2:]
    assert len(stages) == 2
    for stage in stages:
        users = re.findall(r"^USER (\S+)", stage, re.MULTILINE)
        assert users
        assert not any(fnmatch(user, pattern) for user in users for pattern in ("root*", "0", "0:*"))


def test_the_python_of_the_image_is_one_that_is_supported() -> None:
    minor = re.search(r"FROM python:3\.(\d+)\.", TEXT)
    assert minor is not None
    assert 11 <= int(minor[1]) < 14
