"""Train, compare, check and ship five classic convolutional networks on Keras.

    run = kerascnn.train("lenet", optimizer="adagrad", epochs=1)
    kerascnn.evaluate(run).metrics["accuracy"]
    kerascnn.predict(images, model=run).names

What is named here is the API, and all else may change. Nothing of it is imported before
it is used; the first call that needs TensorFlow imports it with the fast settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the same names as in the table below, for type checkers
    from kerascnn.api import benchmark as benchmark
    from kerascnn.api import compare as compare
    from kerascnn.api import evaluate as evaluate
    from kerascnn.api import export as export
    from kerascnn.api import predict as predict
    from kerascnn.api import resume as resume
    from kerascnn.api import train as train
    from kerascnn.comparison.records import Results as Results
    from kerascnn.data import DATASETS as DATASETS
    from kerascnn.data import Split as Split
    from kerascnn.data import load_dataset as load_dataset
    from kerascnn.errors import ConfigError as ConfigError
    from kerascnn.errors import DatasetError as DatasetError
    from kerascnn.errors import DivergedError as DivergedError
    from kerascnn.errors import ExportError as ExportError
    from kerascnn.errors import InputShapeError as InputShapeError
    from kerascnn.errors import KerasCNNError as KerasCNNError
    from kerascnn.errors import MissingExtraError as MissingExtraError
    from kerascnn.errors import ModelFileError as ModelFileError
    from kerascnn.errors import PictureError as PictureError
    from kerascnn.errors import RunError as RunError
    from kerascnn.errors import TrainingInterruptedError as TrainingInterruptedError
    from kerascnn.errors import UnknownNameError as UnknownNameError
    from kerascnn.evaluation.benchmark import Benchmark as Benchmark
    from kerascnn.evaluation.classify import Classification as Classification
    from kerascnn.evaluation.evaluate import Evaluation as Evaluation
    from kerascnn.exporting.report import Export as Export
    from kerascnn.machine.reporter import LineReporter as LineReporter
    from kerascnn.machine.reporter import Reporter as Reporter
    from kerascnn.model_files.formats import FORMATS as FORMATS
    from kerascnn.models import MODELS as MODELS
    from kerascnn.models.build import build_model as build_model
    from kerascnn.runs.folder import Run as Run
    from kerascnn.runs.folder import list_runs as list_runs
    from kerascnn.runs.folder import open_run as open_run
    from kerascnn.settings.config import TrainConfig as TrainConfig
    from kerascnn.settings.optimizers import OPTIMIZERS as OPTIMIZERS

__version__ = "0.1.0"

# The module that has each name.
_HOMES = {
    "train": "api",
    "resume": "api",
    "evaluate": "api",
    "predict": "api",
    "export": "api",
    "benchmark": "api",
    "compare": "api",
    "open_run": "runs.folder",
    "list_runs": "runs.folder",
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
    "Reporter": "machine.reporter",
    "LineReporter": "machine.reporter",
    "KerasCNNError": "errors",
    "UnknownNameError": "errors",
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


if not TYPE_CHECKING:  # which would take any name for one that there is

    def __getattr__(name: str) -> Any:
        """Import what is asked for, once."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
