"""CNTK's text format: one sample a line, ``|labels <10 one-hot> |features <784 values 0..255>``."""

from pathlib import Path
from typing import Any

from harness.atomic_file import replace_file

CLASSES = 10
PIXELS = 784

_VALUES = tuple(str(value) for value in range(256))
_LABELS = tuple(" ".join("1" if index == label else "0" for index in range(CLASSES)) for label in range(CLASSES))


def write_ctf(path: Path, images: Any, labels: Any) -> None:
    """Write samples to a file atomically; equal samples give equal bytes.

    Args:
        path: the file; its directory exists.
        images: array of ``(samples, 784)`` or ``(samples, 28, 28)`` whole numbers 0..255.
        labels: array of ``samples`` whole numbers 0..9.
    """
    with replace_file(path, mode=0o644) as stream:
        for label, image in zip(labels.tolist(), images.reshape(len(images), PIXELS), strict=True):
            pixels = " ".join(map(_VALUES.__getitem__, image.tolist()))
            stream.write(f"|labels {_LABELS[label]} |features {pixels}\n".encode("ascii"))
