"""Training: a loop, the recorder of its run, and the source of its batches.

`train` is what others call. Imports evaluation and below.
"""
