"""OpenCV cascades (LBP, Haar) as face detectors: weaker than the others, and many times as fast."""

from pathlib import Path
from threading import local
from typing import Any

import numpy as np

from framekit.boxes import Face, face_at
from framekit.errors import UsageError
from framekit.pixels.decode import Pixels, shrink

CASCADE_SUFFIX = ".xml"
SCALE_STEP = 1.05
MIN_SCORE = 0.8  # 4 overlapping windows: lbpcascade_animeface finds 355 of 395 faces of the sample show, 5 false ones


class Cascade:
    """A detector that slides the windows of a cascade over the equalised grey frame.

    The score of a face is n / (n + 1), n being how many windows saw it.
    """

    def __init__(self, path: Path, size: int) -> None:
        """`size` is the side in px to which the longer side of a frame is shrunk. Raises UsageError for other files."""
        self.path, self.size = path, size
        self.own = local()
        self.classifier()

    def __reduce__(self) -> tuple[type["Cascade"], tuple[Path, int]]:
        """Open the file again in another process."""
        return Cascade, (self.path, self.size)

    def classifier(self) -> Any:
        """Return the classifier of this thread: one cannot be shared."""
        import cv2

        if not hasattr(self.own, "classifier"):
            try:
                self.own.classifier = cv2.CascadeClassifier(str(self.path))
            except (cv2.error, SystemError):
                self.own.classifier = None
            if self.own.classifier is None or self.own.classifier.empty():
                raise UsageError(
                    f"{self.path} is no cascade of OpenCV; give --model an .xml file such as lbpcascade_animeface"
                )
        return self.own.classifier

    def __call__(self, pixels: Pixels) -> list[Face]:
        """Return the faces of one frame."""
        import cv2

        small = shrink(pixels, self.size)
        grey = cv2.equalizeHist(np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)))
        height, width = grey.shape
        boxes, counts = self.classifier().detectMultiScale2(grey, scaleFactor=SCALE_STEP, minNeighbors=1)
        return [
            face_at(x / width, y / height, (x + across) / width, (y + down) / height, count / (count + 1))
            for (x, y, across, down), count in zip(boxes, counts, strict=True)
        ]
