"""OpenCV cascades (LBP, Haar) as face detectors: they miss more faces than the others, and are many times as fast."""

from pathlib import Path
from threading import local
from typing import Any

import numpy as np

from framekit.boxes import Face, face_at
from framekit.errors import UsageError
from framekit.faces.models import InWorker
from framekit.pixels.decode import Pixels, shrink

SUFFIX = ".xml"
SCALE_STEP = 1.05  # size of a window over that of the one before; chosen: half the step that OpenCV's default 1.1 takes
# 4 overlapping windows, 4 / 5: so lbpcascade_animeface finds 355 of 395 faces of the sample show, and 5 false ones.
MIN_SCORE = 0.8
DETECT_SIZE = 640  # px; time grows with the area


class Cascade:
    """A cascade whose windows slide over equalised grey pixels. Picklable.

    The score of a face is n / (n + 1), n being the number of overlapping windows that saw it.
    """

    def __init__(self, path: Path, size: int) -> None:
        """`size` is what pixels are shrunk to, longer side in px. Raises UsageError if the file is no cascade."""
        self.path, self.size = path, size
        self.own = local()
        self.classifier()

    def __reduce__(self) -> tuple[type["Cascade"], tuple[Path, int]]:
        """Open the file again in another process."""
        return Cascade, (self.path, self.size)

    def classifier(self) -> Any:
        """Return the classifier of this thread, since threads can't share one."""
        import cv2

        if not hasattr(self.own, "classifier"):
            try:
                self.own.classifier = cv2.CascadeClassifier(str(self.path))
            except (cv2.error, SystemError):
                self.own.classifier = None
            if self.own.classifier is None or self.own.classifier.empty():
                reason = "is no cascade of OpenCV" if self.path.is_file() else "does not exist"
                raise UsageError(f"{self.path} {reason}; give --model an .xml file such as lbpcascade_animeface")
        return self.own.classifier

    def __call__(self, pixels: Pixels) -> list[Face]:
        """Return the faces in (H, W, 3) uint8 RGB pixels."""
        import cv2

        small = shrink(pixels, self.size)
        grey = cv2.equalizeHist(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)))
        height, width = grey.shape
        boxes, counts = self.classifier().detectMultiScale2(grey, scaleFactor=SCALE_STEP, minNeighbors=1)
        return [
            face_at(x / width, y / height, (x + across) / width, (y + down) / height, count / (count + 1))
            for (x, y, across, down), count in zip(boxes, counts, strict=True)
        ]


def load_cascade(path: Path, size: int) -> InWorker:
    """Return the cascade of an .xml file as a detector. Raises UsageError if the file is no cascade."""
    return InWorker(Cascade(path, size))
