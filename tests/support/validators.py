"""Judges of DICOM objects that others wrote: dicom3tools, dcmtk, PixelMed. Each skips visibly where it is absent."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

JARS = Path("/usr/share/java")
CLASSPATH = (
    "pixelmed", "pixelmed_imageio", "commons-codec", "commons-net", "hsqldb", "jmdns", "slf4j-api", "slf4j-nop",
)  # fmt: skip
# Java 17 limits XPath below what the validator's style sheets need.
JAVA_OPTIONS = [f"-Djdk.xml.xpath{limit}OpLimit=0" for limit in ("Expr", "Total")] + ["-Djdk.xml.xpathExprGrpLimit=0"]


def dciodvfy_errors(path: Path) -> list[str]:
    """Lines of dicom3tools' `dciodvfy -new` that begin with "Error"."""
    return _errors(_run("dciodvfy", "-new", path))


def dcsrdump(path: Path) -> str:
    """The tree as dicom3tools prints it (on its standard error); fails the test if it cannot."""
    result = _run("dcsrdump", path)
    return _checked(result) + result.stderr


def dsrdump(path: Path) -> str:
    """The tree as dcmtk prints it; fails the test if it complains."""
    return _checked(_run("dsrdump", "+Pl", path))


def dsr2html(path: Path) -> str:
    """The page that dcmtk renders; fails the test if it complains."""
    return _checked(_run("dsr2html", path))


def dcmp2pgm(state: Path, image: Path, folder: Path) -> Image.Image:
    """`image` as dcmtk renders it under the presentation `state`, 8 bit grey; fails the test if it complains."""
    rendered = folder / "rendered.pgm"
    _checked(_run("dcmp2pgm", "-p", state, image, rendered))
    return Image.open(rendered)


def pixelmed_errors(path: Path) -> list[str]:
    """Lines of PixelMed's DicomSRValidator that begin with "Error"; it takes ten to thirty seconds."""
    if not (JARS / "pixelmed.jar").is_file():
        pytest.skip("PixelMed (libpixelmed-java) is not installed")
    classpath = ":".join(str(JARS / f"{name}.jar") for name in CLASSPATH)
    validator = "com.pixelmed.validate.DicomSRValidator"
    result = _run("java", *JAVA_OPTIONS, "-cp", classpath, validator, path)
    assert "Root Template Validation Complete" in result.stdout + result.stderr, result.stderr
    return _errors(result)


def _run(tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    command = [tool, *map(str, arguments)]
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300, check=False)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"{tool} did not answer within {error.timeout:g} s") from error


def _errors(result: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in (result.stdout + result.stderr).splitlines() if line.startswith("Error")]


def _checked(result: subprocess.CompletedProcess[str]) -> str:
    complaints = [line for line in result.stderr.splitlines() if line.startswith(("E:", "F:", "Error"))]
    assert result.returncode == 0, result.stderr
    assert not complaints, complaints
    return result.stdout
