"""The container image of a job: all jobs run in containers, and Batch AI's images no longer exist. Pure."""

import hashlib
from collections.abc import Mapping
from fnmatch import fnmatchcase

PYTORCH = "mcr.microsoft.com/azureml/curated/acpt-pytorch-2.2-cuda12.1:latest"
"""Microsoft's image with PyTorch and CUDA, which needs no build; for jobs without an image, and those of CNTK."""

TENSORFLOW = "mcr.microsoft.com/azureml/curated/tensorflow-2.16-cuda12:latest"

# Docker Hub's organisation microsoft was deleted, and images of frameworks of 2018 support no GPU of today.
REPLACED: Mapping[str, str] = {
    "microsoft/*": PYTORCH,
    "batchaitraining/*": PYTORCH,
    "tensorflow/tensorflow:0.*": TENSORFLOW,
    "tensorflow/tensorflow:1.*": TENSORFLOW,
    "caffe2ai/caffe2*": PYTORCH,
}


def available_image(image: str | None, overrides: Mapping[str, str]) -> str:
    """The image that a job runs in.

    Args:
        image: the image that the scenario names.
        overrides: images by pattern, from the setting ``azureml_images``; they have precedence over `REPLACED`.
    """
    if image is None:
        return overrides.get("", PYTORCH)
    for table in (overrides, REPLACED):
        for pattern, replacement in table.items():
            if pattern and fnmatchcase(image, pattern):
                return replacement
    return image


def environment_version(image: str, conda: str | None) -> str:
    """The version of an environment, derived from its content, so that equal environments have the same version."""
    return hashlib.sha256(f"{image}\n{conda or ''}".encode()).hexdigest()[:32]
