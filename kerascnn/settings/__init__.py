"""The settings of a training: names, ranges, defaults. Light: no TensorFlow, no NumPy.

Imports the tables of models and data, to check names.
"""
