"""Train, compare, check and ship five classic convolutional networks on Keras."""

__version__ = "0.1.0"
