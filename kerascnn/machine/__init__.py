"""The machine below: files, processes, signals, TensorFlow before its import.

Knows nothing of networks, data or runs. Imports errors alone.
"""
