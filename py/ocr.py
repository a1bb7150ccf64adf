"""Words in a picture, and where they stand."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

VERSION = 1  # of what `Reader.read` gives; counted up with its settings, so that stored words are read anew


class Word(NamedTuple):
    """One piece of text; ``box`` is left, top, right, bottom in pixels."""

    text: str
    confidence: float
    box: tuple[int, int, int, int]


class Reader:
    """RapidOCR's models on one thread, so that a picture always gives the same words.

    >>> Reader().read(picture)  # doctest: +SKIP
    [Word(text='EXIT', confidence=0.998, box=(9, 5, 40, 17))]
    """

    LONGEST = 2000  # pixels: a larger picture is shrunk
    FLATTEST = 6  # times as long as high; what is flatter is padded, for the detector enlarges the short side
    SHORT_SIDE = (320, 544)  # pixels in the detector: twice the picture's, within these bounds
    FAINT_FROM = 200  # pixels of the short side from which faint words are looked for, in a second pass

    def __init__(self) -> None:
        from rapidocr_onnxruntime import RapidOCR

        # No angle classifier, it spoils more words than it mends. Padding to 128 px, not 320, saves time.
        self.engine = RapidOCR(
            intra_op_num_threads=1, inter_op_num_threads=1, use_cls=False, rec_img_shape=[3, 48, 128]
        )

    def read(self, image: "Image") -> list[Word]:
        """The words in ``image`` (RGB), from top to bottom and left to right; [] where there are none."""
        import cv2
        import numpy as np

        size, scale = image.size, min(1.0, self.LONGEST / max(image.size))
        if scale < 1:
            image = image.resize([max(round(side * scale), 1) for side in size])
        least = -(-max(image.size) // self.FLATTEST)
        pixels = np.asarray(image.convert("RGB"))[:, :, ::-1]  # (height, width, BGR)
        pixels = np.pad(pixels, [*((0, max(least - side, 0)) for side in pixels.shape[:2]), (0, 0)])
        words = self._find(pixels, size, scale)
        if min(size) >= self.FAINT_FROM:
            lab = cv2.cvtColor(pixels, cv2.COLOR_BGR2LAB)
            lab[:, :, 0] = cv2.createCLAHE(4, (8, 8)).apply(lab[:, :, 0])
            faint = self._find(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), size, scale)
            words += [word for word in faint if not any(_overlap(word.box, other.box) for other in words)]
        return in_reading_order(words)

    def _find(self, pixels: "np.ndarray", size: tuple[int, int], scale: float) -> list[Word]:
        """The words in ``pixels``; their boxes refer to the picture of ``size`` from before it was scaled."""
        lower, upper = self.SHORT_SIDE
        self.engine.text_det.limit_side_len = min(max(2 * min(pixels.shape[:2]), lower), upper)
        words = []
        for corners, text, confidence in self.engine(pixels)[0] or []:
            box = (
                min(max(round(end(point[axis] for point in corners) / scale), 0), size[axis])
                for end in (min, max)
                for axis in (0, 1)
            )
            words.append(Word(text, round(float(confidence), 3), tuple(box)))
        return words


def _overlap(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(max(one[n], other[n]) < min(one[n + 2], other[n + 2]) for n in (0, 1))


def in_reading_order(words: list[Word]) -> list[Word]:
    """``words`` line by line from top to bottom, each line from left to right."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: (word.box[1], word.box[0], word)):
        if lines and (word.box[1] + word.box[3]) / 2 < lines[-1][0].box[3]:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [word for line in lines for word in sorted(line, key=lambda word: (word.box[0], word))]
