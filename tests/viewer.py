"""Our own objects of synthetic studies in OHIF, as pictures: `python -m tests.viewer OHIF [FOLDER]`.

OHIF is the folder with its built viewer (`npm pack @ohif/app@3.13.2`, then `package/dist`); FOLDER gets the pictures,
deploy/docs/examples unless named. Needs Orthanc with its DICOMweb plug-in, Chromium, chromedriver; uses loopback alone.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image
from pydicom import dcmread

from dicom_nodes.objects import encoders
from tests.support.browser import Browser, browser
from tests.support.judging import archive, encoded
from tests.support.ohif import served
from tests.support.scanned import scan
from tests.support.sources import synthetic
from tests.unit.workers.measures.test_lungs import SPACING_MM, chest

EXAMPLES = Path(__file__).parents[1] / "deploy" / "docs" / "examples"
WEBGL = ("--enable-unsafe-swiftshader", "--use-gl=angle", "--use-angle=swiftshader", "--ignore-gpu-blocklist")
"""OHIF draws with WebGL; a machine without a graphics card does so in software."""

Store = Callable[[bytes], object]


@dataclass(frozen=True)
class Shot:
    """One object that OHIF is asked to open."""

    name: str
    study: str
    series: str
    shown: str
    """Text that stands on the page once it is open."""
    keys: tuple[str, ...] = ()
    """Pressed before the picture is taken."""


def main(ohif: Path, pictures: Path) -> None:
    """Store two studies and our objects about them, and shoot each object as OHIF shows it."""
    with tempfile.TemporaryDirectory() as name, archive(Path(name)) as kept:
        if kept is None:
            sys.exit("Orthanc or its DICOMweb plug-in is not installed")
        store = kept.server.client.upload
        shots = [*_radiograph(Path(name), store), *_ct(Path(name), store)]
        with served(ohif, dicomweb=f"{kept.server.archive.url}/dicom-web") as root, browser(flags=WEBGL) as window:
            for shot in shots:
                print(_shoot(window, root, shot, pictures))


def _radiograph(folder: Path, store: Store) -> Iterator[Shot]:
    source = next(synthetic(folder))
    store(source.path.read_bytes())
    for role, shown in (("coordinates-sr", "Area: "), ("basic-text-sr", "AI DRAFT")):
        yield _kept(role, encoded(encoders()[role], source), store, shown)


def _ct(folder: Path, store: Store) -> Iterator[Shot]:
    """OHIF opens a segmentation at its first slice; thirty slices on, the lungs are large."""
    scanned = scan(folder, chest(), SPACING_MM)
    for file in scanned.files:
        store(file.read_bytes())
    written = scanned.written(encoders()["segmentation"])
    yield _kept("segmentation", written, store, "(12/70)", keys=("ArrowDown",) * 30)


def _kept(role: str, part10: bytes, store: Store, shown: str, keys: tuple[str, ...] = ()) -> Shot:
    store(part10)
    header = dcmread(BytesIO(part10), stop_before_pixels=True)
    return Shot(f"ohif-{role}", header.StudyInstanceUID, header.SeriesInstanceUID, shown, keys)


def _shoot(window: Browser, root: str, shot: Shot, pictures: Path) -> Path:
    window.resize(1440, 900)
    window.open(f"{root}/viewer?StudyInstanceUIDs={shot.study}&initialSeriesInstanceUID={shot.series}")
    window.wait("return document.body.innerText.includes(arguments[0])", shot.shown, seconds=60)
    _still(window, pictures / f"{shot.name}.png")
    window.press(*shot.keys)
    return _small(_still(window, pictures / f"{shot.name}.png"))


def _still(window: Browser, file: Path) -> Path:
    """A picture that is like the one before it: whatever was to be drawn is there."""
    before = b""
    while (now := window.shoot(file).read_bytes()) != before:
        before = now
    return file


def _small(file: Path) -> Path:
    """The picture in few colours, of a size that a repository bears."""
    with Image.open(file) as picture:
        picture.convert("RGB").resize((1152, 720)).quantize(48).save(file, optimize=True)
    return file


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else EXAMPLES)
