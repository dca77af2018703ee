"""Keras's layers, faster on CPUs: what they compute is the same.

`layers.accelerate` is what others import. Imports nothing of kerascnn.
"""
