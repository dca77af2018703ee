"""The names of the API with their types, for type checkers."""

from kerascnn.api import benchmark as benchmark
from kerascnn.api import check_dataset as check_dataset
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
from kerascnn.data.checkup import Checkup as Checkup
from kerascnn.errors import ClusterError as ClusterError
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
from kerascnn.runs.removal import remove_run as remove_run
from kerascnn.settings.config import TrainConfig as TrainConfig
from kerascnn.settings.optimizers import OPTIMIZERS as OPTIMIZERS

__version__: str
__all__: list[str]
