"""Dependencies point one way, and light modules stay light."""

import ast
import configparser
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import kerascnn
from kerascnn.models import MODELS

PACKAGE = Path(kerascnn.__file__).parent
ROOT = Path(__file__).parents[1]

# These may import the heavy libraries when they are imported; all others are light.
HEAVY_MODULES = (
    "comparison.bootstrap",
    "comparison.claims",
    "comparison.curves",
    "comparison.equivalence",
    "comparison.figures",
    "comparison.final_test",
    "comparison.report",
    "comparison.results",
    "comparison.sign_flip",
    "comparison.statistics",
    "data.arrays",
    "data.augmentation",
    "data.checkup",
    "data.checkup_page",
    "data.drawings",
    "data.duplicates",
    "data.fingerprints",
    "data.idx",
    "data.mapped",
    "data.pictures",
    "data.reading",
    "data.splits",
    "data.squares",
    "data.stored",
    "data.tfds",
    "data.tfds_pictures",
    "drawing",
    "evaluation.*",
    "exporting.*",
    "fast.*",
    "machine.devices",
    "machine.pages",
    "machine.state",
    "machine.workers",
    "model_files.keras_model",
    "model_files.runtimes.*",
    "models.*",
    "training.*",
)
HEAVY = {
    "tensorflow",
    "keras",
    "tensorflow_datasets",
    "numpy",
    "scipy",
    "sklearn",
    "matplotlib",
    "PIL",
    "imagehash",
    "jinja2",
    "rich",
    "dask",
    "distributed",
}


def name_of(path):
    """`data.idx` for `kerascnn/data/idx.py`, `data` for the folder's `__init__`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    name_of(path): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")
}


def imported(nodes):
    """The full names that some nodes import, `from` each of what it names."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def at_import(tree):
    """The nodes that run when a module is imported: not in functions, not for types."""
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            todo += node.orelse
            continue
        yield node
        todo += ast.iter_child_nodes(node)


def our_modules(names):
    """Which modules of kerascnn the full names stand for."""
    for name in names:
        root, _, rest = name.partition(".")
        if root == "kerascnn":
            yield rest if rest in TREES else rest.rpartition(".")[0]


def libraries(names):
    return {name.partition(".")[0] for name in names} & HEAVY


def is_light(module):
    return not any(fnmatchcase(module, pattern) for pattern in HEAVY_MODULES)


def test_floors_of_setup_cfg_name_every_room():
    """`make check` holds them by import-linter."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", "utf-8")
    floors = re.split(r"[|\s]+", settings["importlinter:contract:floors"]["layers"])
    rooms = {f"kerascnn.{name.partition('.')[0]}" for name in TREES if name}
    assert sorted(filter(None, floors)) == sorted(rooms)


@pytest.mark.parametrize(
    "module", [*filter(is_light, TREES)], ids=lambda n: n or "kerascnn"
)
def test_light_module_imports_nothing_heavy(module):
    names = list(imported(at_import(TREES[module])))
    assert libraries(names) == set()
    assert [name for name in our_modules(names) if not is_light(name)] == []


@pytest.mark.parametrize("pattern", HEAVY_MODULES)
def test_every_heavy_module_is_there(pattern):
    assert any(fnmatchcase(module, pattern) for module in TREES)


def test_networks_do_not_import_each_other():
    targets = (row.target.partition(":")[0] for row in MODELS.values())
    networks = {target.removeprefix("kerascnn.") for target in targets}
    for network in networks:
        imports = set(our_modules(imported(ast.walk(TREES[network]))))
        assert imports & networks == set()


@pytest.mark.parametrize(
    "module",
    [
        *("drawing", "evaluation.figures", "training.figure", "training.runs_figure"),
        "comparison.figures",
    ],
)
def test_figures_are_drawn_from_plain_data(module):
    names = imported(ast.walk(TREES[module]))
    assert libraries(names) <= {"matplotlib", "numpy"}


def test_figures_are_of_the_class_that_shows_names_as_they_are():
    """matplotlib's own reads a formula between two dollar signs."""
    owners = [
        module
        for module, tree in TREES.items()
        if any(
            name.startswith("matplotlib.figure") for name in imported(ast.walk(tree))
        )
    ]
    assert owners == ["drawing"]


SHARED_BY_COMMANDS = ("completion", "options", "params", "table")


@pytest.mark.parametrize("module", [n for n in TREES if n.startswith("commands.")])
def test_command_imports_its_one_library_function_when_it_runs(module):
    """At import, a command has the tables and what is light, and no other command."""
    names = set(our_modules(imported(at_import(TREES[module]))))
    shared = {f"commands.{name}" for name in SHARED_BY_COMMANDS}
    assert {name for name in names if name.startswith("commands.")} <= shared
    heavy_work = {"doctor", "machine.environment", "comparison.run"}
    assert names & heavy_work == set()


SAMPLE = """
import numpy as np
from kerascnn.data import Split
from kerascnn.machine import tensorflow
if TYPE_CHECKING:
    import keras
try:
    import matplotlib.figure
except ImportError:
    from sklearn import metrics
def function():
    from kerascnn.training.train import train_model
class Table:
    import scipy
"""


def test_the_walk_sees_what_it_should():
    tree = ast.parse(SAMPLE)
    seen = set(imported(at_import(tree)))
    assert libraries(seen) == {"numpy", "matplotlib", "sklearn", "scipy"}
    light = {"data", "machine.tensorflow"}
    assert set(our_modules(seen)) == light
    everything = set(imported(ast.walk(tree)))
    assert set(our_modules(everything)) == light | {"training.train"}
    assert "keras" in libraries(everything)
