"""What preread writes, as files to look at: `python -m tests.samples [FOLDER]` renews deploy/docs/examples.

Both sources are synthetic. Equal sources, equal bytes: only what changed in an encoder changes a file.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from pydicom import dcmread

from dicom_nodes.objects import encoders
from tests.support.judging import encoded
from tests.support.sources import Source, synthetic

FOLDER = Path(__file__).parents[1] / "deploy" / "docs" / "examples"
SHOWN = {
    "synthetic CXR": (
        "basic-text-sr", "tid1500", "coordinates-sr", "key-objects", "presentation-state", "encapsulated-pdf",
    ),
    "synthetic CT": ("basic-text-sr", "tid1500", "segmentation"),
}  # fmt: skip


def main(folder: Path) -> None:
    """Write the objects of each source, its image where the repository has it nowhere else, and the page by itself."""
    folder.mkdir(exist_ok=True)
    for source in synthetic(folder):
        for role in SHOWN[source.name]:
            _write(source, role, folder)


def _write(source: Source, role: str, folder: Path) -> None:
    part10 = encoded(encoders()[role], source)
    name = f"{source.instance.modality.lower()}-{role}"
    (folder / f"{name}.dcm").write_bytes(part10)
    if role == "encapsulated-pdf":
        written = dcmread(BytesIO(part10))
        (folder / f"{name}.pdf").write_bytes(written.EncapsulatedDocument[: written.EncapsulatedDocumentLength])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
