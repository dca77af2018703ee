"""Runs on disk: the folder of a training, the facts of its data, its model card.

Imports settings, data and machine.
"""
