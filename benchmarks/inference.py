"""Time every form of a network beside PyTorch and `model.predict`, turn by turn.

    python benchmarks/inference.py [--quick] [--network NAME]

The networks have random weights; each form is a process of its own. Writes
`results/inference.csv` and a part of `RESULTS.md`.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
import statistics
import tempfile
from pathlib import Path

from kerascnn.machine.tensorflow import load_tensorflow

load_tensorflow()
import machine  # noqa: E402
import numpy as np  # noqa: E402
from rows import RESULTS  # noqa: E402

from kerascnn import MODELS, build_model, load_dataset  # noqa: E402
from kerascnn.exporting.onnx_file import write_onnx  # noqa: E402
from kerascnn.exporting.saved_model import write_saved_model  # noqa: E402
from kerascnn.exporting.tflite import write_tflite  # noqa: E402
from kerascnn.machine.environment import instruction_set  # noqa: E402
from kerascnn.model_files.formats import FORMATS, FormatEntry  # noqa: E402
from kerascnn.model_files.process import RuntimeProcess  # noqa: E402

HERE = Path(__file__).parent
NETWORKS = ("lenet", "alexnet", "vgg16", "resnet18", "mobilenet")
BATCH_SIZES = (1, 32)
COLUMNS = ("network", "form", "batch_size", "turn", "seconds")
PART = """\
## Inference

On the machine with {instruction_set}. The networks at 32x32 pixels, from raw images of
28x28 to probabilities, every form in a process of its own, {turns} turns of {seconds} s
each. The table has medians of the turns' median calls: milliseconds for one image, and
images a second in batches of 32.
"model.predict" is Keras's, as scripts use it; "keras" is what `kerascnn` itself does.

| network | form | one image, ms | images/s |
| --- | --- | --- | --- |
{rows}
"""


def convert(network: str, folder: Path) -> dict[str, tuple[Path, str]]:
    """Make every form of a network; where it is, and what runs it."""
    train, _ = load_dataset("mnist")
    names = train.class_names
    size = None if network == "lenet" else 32
    model = build_model(network, train.image_shape, 10, image_size=size)
    model.save(folder / "model.keras")
    write_saved_model(model, folder / "saved_model", names)
    forms = {
        "model.predict": (folder / "model.keras", "predict"),
        "keras": (folder / "model.keras", "keras"),
        "SavedModel": (folder / "saved_model", "saved-model"),
    }
    if is_installed("onnxruntime") and is_installed("tf2onnx"):
        write_onnx(model, folder / "model.onnx", names)
        forms["ONNX"] = (folder / "model.onnx", "onnx")
    if is_installed("torch"):
        forms["PyTorch"] = (folder / network, "pytorch")
    for quantization in ("none", "float16", "dynamic", "int8"):
        path = folder / f"{quantization}.tflite"
        options = {"quantization": quantization, "images": train.images[:100]}
        write_tflite(model, path, names, **options)
        name = "TFLite" if quantization == "none" else f"TFLite {quantization}"
        forms[name] = (path, "tflite")
    return forms


def is_installed(package: str) -> bool:
    """Whether a form can run here; a line says so where it cannot."""
    if importlib.util.find_spec(package) is None:
        print(f"A form is left out: {package} is not installed.", flush=True)
        return False
    return True


def compete(network: str, turns: int, seconds: float) -> list[dict[str, object]]:
    """Let all forms of a network take turns; a row for each turn."""
    images = load_dataset("mnist")[1].images[:256]
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        forms = convert(network, Path(folder))
        processes = {
            name: RuntimeProcess(path, runner) for name, (path, runner) in forms.items()
        }
        for batch_size in BATCH_SIZES:
            for turn in range(turns):
                for name, process in processes.items():
                    taken = process.time(images, batch_size=batch_size, seconds=seconds)
                    values = (network, name, batch_size, turn, float(np.median(taken)))
                    rows.append(dict(zip(COLUMNS, values, strict=True)))
        for process in processes.values():
            process.close()
    return rows


def table(rows: list[dict[str, object]]) -> str:
    """A line for each network and form."""
    calls: dict[tuple[object, object], dict[object, list[float]]] = {}
    for row in rows:
        cell = calls.setdefault((row["network"], row["form"]), {})
        cell.setdefault(int(str(row["batch_size"])), []).append(
            float(str(row["seconds"]))
        )
    return "\n".join(
        f"| {MODELS[str(network)].title} | {form} "
        f"| {1000 * statistics.median(cell[1]):.2f} "
        f"| {32 / statistics.median(cell[32]):,.0f} |"
        for (network, form), cell in calls.items()
    )


def main() -> None:
    """Time what the command line asks for, and write it down after every network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="Minutes, not more.")
    parser.add_argument("--network", choices=NETWORKS, action="append")
    options = parser.parse_args()
    turns, seconds = (3, 0.3) if options.quick else (5, 1.0)
    os.environ["PYTHONPATH"] = os.pathsep.join((str(HERE), str(HERE.parent)))
    for name in ("predict", "pytorch"):
        FORMATS[name] = FormatEntry(
            name=name,
            target="",
            title=name,
            summary="",
            runner=f"{name}_runner",
            runtime="",
        )
    machine.begin()
    rows: list[dict[str, object]] = []
    for network in options.network or NETWORKS:
        rows += compete(network, turns, seconds)
        with open(RESULTS / "inference.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        part = PART.format(
            instruction_set=instruction_set(),
            turns=turns,
            seconds=seconds,
            rows=table(rows),
        )
        (RESULTS / "inference.part.md").write_text(part)
        print(network, "done", flush=True)


if __name__ == "__main__":
    main()
