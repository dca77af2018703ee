"""Dependencies point one way: a module imports from layers below its own alone."""

import ast
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import kerascnn

PACKAGE = Path(kerascnn.__file__).parent

# From the bottom up; a new module needs a place here. A pattern without a star goes
# before one with it.
LAYERS = (
    ("", "errors", "runtime"),
    ("registry", "schedules", "recipes"),
    ("convolution", "pooled_convolution", "winograd"),
    ("formats",),
    ("models", "data", "optimizers"),
    ("models.blocks", "models.cost", "data.*"),
    ("models.*",),
    ("config", "dataset_facts"),
    ("computation", "config_file"),
    ("runs",),
    ("environment", "card", "checkpoint", "fast_layers", "interruption"),
    ("artifacts", "compaction", "devices", "export_card", "runtimes"),
    ("metrics", "preparation", "progress", "recording", "step"),
    ("figures", "inference", "pictures"),
    ("conversion", "evaluation", "runtimes.*"),
    ("benchmark", "export", "prediction"),
    ("benchmark_figure", "picture_sheet"),
    ("training", "doctor"),
    ("comparison",),
    ("comparison.config", "comparison.records"),
    ("comparison.plan", "comparison.reach", "comparison.statistics"),
    ("comparison.bootstrap", "comparison.equivalence", "comparison.sign_flip"),
    ("comparison.folder", "comparison.figures"),
    ("comparison.claims", "comparison.final_test", "comparison.pool"),
    ("comparison.results",),
    ("comparison.report",),
    ("comparison.run",),
    ("commands", "commands.params", "commands.table"),
    ("commands.options",),
    ("commands.*",),
    ("cli",),
    ("__main__",),
)

# The one arrow up that is meant: building a network brings the blocks in.
ALLOWED = {("models", "models.blocks")}

# These may import the heavy libraries when they are imported; all others are light.
HEAVY_MODULES = (
    "models.*",
    "data.*",
    "benchmark",
    "benchmark_figure",
    "comparison.figures",
    "comparison.report",
    "comparison.results",
    "comparison.statistics",
    "comparison.bootstrap",
    "comparison.claims",
    "comparison.equivalence",
    "comparison.final_test",
    "comparison.sign_flip",
    "checkpoint",
    "compaction",
    "conversion",
    "convolution",
    "devices",
    "evaluation",
    "export",
    "fast_layers",
    "figures",
    "inference",
    "metrics",
    "picture_sheet",
    "pictures",
    "pooled_convolution",
    "prediction",
    "preparation",
    "recording",
    "runtimes.*",
    "step",
    "training",
    "winograd",
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
    "jinja2",
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


def layer(module):
    for exact in (True, False):
        for index, patterns in enumerate(LAYERS):
            if any(
                ("*" not in p) == exact and fnmatchcase(module, p) for p in patterns
            ):
                return index
    raise AssertionError(f"kerascnn.{module} has no place in LAYERS")


def is_light(module):
    return not any(fnmatchcase(module, pattern) for pattern in HEAVY_MODULES)


@pytest.mark.parametrize("module", TREES, ids=lambda name: name or "kerascnn")
def test_no_import_points_up(module):
    imports = set(our_modules(imported(ast.walk(TREES[module]))))
    up = {name for name in imports if layer(name) >= layer(module)}
    assert up - {name for source, name in ALLOWED if source == module} == set()


@pytest.mark.parametrize(
    "module", [*filter(is_light, TREES)], ids=lambda n: n or "kerascnn"
)
def test_light_module_imports_nothing_heavy(module):
    names = list(imported(at_import(TREES[module])))
    assert libraries(names) == set()
    assert [name for name in our_modules(names) if not is_light(name)] == []


@pytest.mark.parametrize("pattern", [p for layer in LAYERS for p in layer])
def test_every_layer_has_its_modules(pattern):
    assert any(fnmatchcase(module, pattern) for module in TREES)


def test_networks_do_not_import_each_other():
    shared = {"models.blocks", "models.cost"}
    networks = {name for name in TREES if fnmatchcase(name, "models.*")} - shared
    assert len(networks) == 5
    for network in networks:
        imports = set(our_modules(imported(ast.walk(TREES[network]))))
        assert imports & networks == set()


def test_figures_are_drawn_from_plain_data():
    names = imported(ast.walk(TREES["figures"]))
    assert libraries(names) <= {"matplotlib", "numpy"}


@pytest.mark.parametrize("module", [n for n in TREES if n.startswith("commands.")])
def test_command_imports_its_one_library_function_when_it_runs(module):
    """At import, a command has the tables and what is light, and no other command."""
    names = set(our_modules(imported(at_import(TREES[module]))))
    assert [name for name in names if layer(name) == layer("commands.train")] == []
    heavy_work = {"doctor", "environment", "comparison.run"}
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
    assert set(our_modules(seen)) == {"data", "runtime"}
    everything = set(imported(ast.walk(tree)))
    assert set(our_modules(everything)) == {"data", "runtime", "training"}
    assert "keras" in libraries(everything)
