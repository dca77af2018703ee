"""Train, compare, check and ship five classic convolutional networks on Keras.

    run = kerascnn.train("lenet", optimizer="adagrad", epochs=1)
    kerascnn.evaluate(run).metrics["accuracy"]
    kerascnn.predict(images, model=run).names

What is named here is the API, and all else may change. Nothing of it is imported before
it is used; the first call that needs TensorFlow imports it with the fast settings.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

# The module that has each name; `__init__.pyi` says the same to type checkers.
_HOMES = {
    "train": "api",
    "resume": "api",
    "evaluate": "api",
    "predict": "api",
    "export": "api",
    "benchmark": "api",
    "compare": "api",
    "check_dataset": "api",
    "open_run": "runs.folder",
    "list_runs": "runs.folder",
    "remove_run": "runs.removal",
    "load_dataset": "data",
    "build_model": "models.build",
    "MODELS": "models",
    "DATASETS": "data",
    "OPTIMIZERS": "settings.optimizers",
    "FORMATS": "model_files.formats",
    "TrainConfig": "settings.config",
    "Run": "runs.folder",
    "Split": "data",
    "Evaluation": "evaluation.evaluate",
    "Classification": "evaluation.classify",
    "Export": "exporting.report",
    "Benchmark": "evaluation.benchmark",
    "Results": "comparison.records",
    "Checkup": "data.checkup",
    "Reporter": "machine.reporter",
    "LineReporter": "machine.reporter",
    "KerasCNNError": "errors",
    "UnknownNameError": "errors",
    "ClusterError": "errors",
    "ConfigError": "errors",
    "InputShapeError": "errors",
    "DatasetError": "errors",
    "RunError": "errors",
    "DivergedError": "errors",
    "TrainingInterruptedError": "errors",
    "ModelFileError": "errors",
    "ExportError": "errors",
    "PictureError": "errors",
    "MissingExtraError": "errors",
}

__all__ = [*_HOMES]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    """Import what is asked for, once."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
