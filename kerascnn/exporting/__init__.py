"""Models written in other formats, each checked in the runtime where it ends up.

Imports evaluation and below.
"""
