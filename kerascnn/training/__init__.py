"""Training: the loop, its step, what it records and resumes from.

Imports evaluation and below.
"""
