"""A key image with numbered boxes as one piece of a PDF page: the picture in pixels, the boxes in lines."""

from __future__ import annotations

from collections.abc import Sequence

from reportlab.lib.colors import HexColor, black
from reportlab.lib.utils import ImageReader
from reportlab.platypus import Flowable

from dicom_nodes.objects.picture import Mark, Shown
from dicom_nodes.objects.typeface import BOLD

BOX = HexColor(0xFFD400)
LABEL = 8.0
"""Size of a box's number in points."""


class Figure(Flowable):  # type: ignore[misc]
    """`shown` as large as fits into `width` x `height` points, each mark on it."""

    def __init__(self, shown: Shown, marks: Sequence[Mark], *, width: float, height: float) -> None:
        super().__init__()
        self._shown, self._marks = shown, marks
        across, down = shown.image.size
        self._fit = min(width / across, height / down)
        self.width, self.height = across * self._fit, down * self._fit

    def draw(self) -> None:
        self.canv.drawImage(ImageReader(self._shown.image), 0, 0, self.width, self.height)
        for mark in self._marks:
            left, top, right, bottom = (edge * self._fit for edge in self._shown.box(mark.region))
            self.canv.setStrokeColor(BOX)
            self.canv.setLineWidth(1.1)
            self.canv.rect(left, self.height - bottom, right - left, bottom - top)
            self._label(str(mark.number), left, self.height - top)

    def _label(self, number: str, x: float, y: float) -> None:
        """The number on a dark tab above the box, or inside it at the upper edge of the picture."""
        wide, tall = LABEL * 0.7 * len(number) + 3, LABEL + 2
        low = min(y, self.height - tall)
        self.canv.setFillColor(black)
        self.canv.rect(x, low, wide, tall, stroke=0, fill=1)
        self.canv.setFillColor(BOX)
        self.canv.setFont(BOLD, LABEL)
        self.canv.drawString(x + 1.5, low + 2, number)
