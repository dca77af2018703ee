"""Models on disk: formats, finding them, and the runtimes that they run in.

Imports runs and below.
"""
