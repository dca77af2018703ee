"""Keras's layers and optimizers, faster: what they compute is the same.

`plan.accelerate` and `optimizers.fuse` are what others import.
"""
