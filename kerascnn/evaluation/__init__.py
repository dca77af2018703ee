"""What a model is worth: metrics, predictions, figures, speed.

Imports model_files and below.
"""
