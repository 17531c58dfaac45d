"""Layers: functions of one value whose weights are created at the first use. ``cntk.layers``."""

from ..initializer import glorot_uniform
from ..missing import missing
from .composing import Activation, For, Label, ResNetBlock, Sequential, identity
from .normalizing import BatchNormalization, Dropout, LayerNormalization
from .options import Layer, default_options
from .pooling import AveragePooling, GlobalAveragePooling, GlobalMaxPooling, MaxPooling
from .weighted import Convolution, Convolution2D, Dense, Embedding

__all__ = [
    "Activation", "AveragePooling", "BatchNormalization", "Convolution", "Convolution2D", "Dense", "Dropout",
    "Embedding", "For", "GlobalAveragePooling", "GlobalMaxPooling", "Label", "Layer", "LayerNormalization",
    "MaxPooling", "ResNetBlock", "Sequential", "default_options", "glorot_uniform", "identity",
]  # fmt: skip

__getattr__ = missing(__name__)
