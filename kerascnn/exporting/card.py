"""The README of a folder of exported models: what each takes, and how to run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerascnn.models import MODELS

HEAD = """\
# {title} for {dataset}, exported from {run}

| file | size | test images | accuracy | largest difference | same answer |
| --- | --- | --- | --- | --- | --- |
{rows}

Differences are from the Keras model, in probability; the answer is the likeliest class.
Every file takes raw pixels from 0 to 255, `(number, {height}, {width}, {channels})`:
scaling and padding are inside. Classes, in order: {classes}.
"""
SAVED_MODEL = """
## SavedModel

Python with TensorFlow alone:

```python
import tensorflow as tf

model = tf.saved_model.load("saved_model/1")
answer = model.signatures["serving_default"](image=images)  # uint8
answer["probabilities"], answer["label"]
```

TensorFlow Serving, and a PNG or JPEG file sent to it:

```sh
docker run -p 8501:8501 -v "$PWD/saved_model:/models/{name}" -e MODEL_NAME={name} \\
    tensorflow/serving
curl http://localhost:8501/v1/models/{name}:predict -d @- <<EOF
{{"signature_name": "encoded",
 "instances": [{{"image_bytes": {{"b64": "$(base64 -w0 picture.png)"}}}}]}}
EOF
```
"""
TFLITE = """
## TFLite

```python
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter("{file}")
classify = interpreter.get_signature_runner()
probabilities = classify(image=images)["probabilities"]
```

`image` is float32, or uint8 in a file of int8, whose `probabilities` are uint8 too:
divide them by 256.
"""
ONNX = """
## ONNX

```python
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
[probabilities] = session.run(None, {{"image": images.astype("float32")}})
names = session.get_modelmeta().custom_metadata_map["class_names"].splitlines()
```
"""


def export_card(report: Mapping[str, Any]) -> str:
    """The text, in Markdown, for a report as `export.json` holds it."""
    dataset = report["dataset"]
    height, width, channels = dataset["image_shape"]
    files = [file for file in report["files"] if not file["problem"]]
    formats = {file["format"] for file in files}
    rows = "\n".join(
        f"| {_name(file)} | {file['size_bytes'] / 1e6:.2f} MB | {file['images']:,} "
        f"| {file['accuracy']:.2%} | {file['largest_difference']:.1e} "
        f"| {file['agreement']:.2%} |"
        for file in files
    )
    text = HEAD.format(
        title=MODELS[report["model"]].title,
        dataset=dataset["name"],
        run=report["run"],
        rows=rows,
        height=height,
        width=width,
        channels=channels,
        classes=", ".join(dataset["class_names"]),
    )
    if "saved-model" in formats:
        text += SAVED_MODEL.format(name=report["model"])
    if "tflite" in formats:
        text += TFLITE.format(
            file=next(_name(file) for file in files if file["format"] == "tflite")
        )
    if "onnx" in formats:
        text += ONNX.format()
    return text


def _name(file: Mapping[str, Any]) -> str:
    if file["format"] == "saved-model":
        return "saved_model/1"
    return str(file["path"]).replace("\\", "/").rpartition("/")[2]
