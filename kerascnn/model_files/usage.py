"""How to run an exported file: a section for each format in the README beside it."""

from __future__ import annotations

SAVED_MODEL = """\
Python with TensorFlow alone:

```python
import tensorflow as tf

model = tf.saved_model.load("{file}")
answer = model.signatures["serving_default"](image=images)  # uint8
answer["probabilities"], answer["label"]
```

TensorFlow Serving, and a PNG or JPEG file sent to it:

```sh
docker run -p 8501:8501 -v "$PWD/saved_model:/models/{model}" -e MODEL_NAME={model} \\
    tensorflow/serving
curl http://localhost:8501/v1/models/{model}:predict -d @- <<EOF
{{"signature_name": "encoded",
 "instances": [{{"image_bytes": {{"b64": "$(base64 -w0 picture.png)"}}}}]}}
EOF
```
"""

TFLITE = """\
```python
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter("{file}")
classify = interpreter.get_signature_runner()
probabilities = classify(image=images)["probabilities"]
```

`image` is float32, or uint8 in a file of int8, whose `probabilities` are uint8 too:
divide them by 256. The names of the classes are in the file, where Android's and
MediaPipe's readers of metadata look for them; `unzip -p {file} labels.txt` prints them.
"""

ONNX = """\
```python
import onnxruntime

session = onnxruntime.InferenceSession("{file}")
[probabilities] = session.run(None, {{"image": images.astype("float32")}})
names = session.get_modelmeta().custom_metadata_map["class_names"].splitlines()
```
"""

MICRO = """\
A folder of C++ sources for TensorFlow Lite Micro, with the file of 8 bits as an array.
Copy it into the firmware, and compile it with the rest; `self_test.cc` classifies one
image, and tells whether the answer is that of the check.

```cpp
#include "{file}/model_data.h"
#include "{file}/model_settings.h"

using namespace {model}_model;
alignas(16) std::uint8_t arena[kArenaSize];
OperatorResolver resolver;
AddOperators(resolver);
tflite::MicroInterpreter interpreter(
    tflite::GetModel(kModel), resolver, arena, kArenaSize);
interpreter.AllocateTensors();
// interpreter.input(0)->data.uint8[i] = QuantizePixel(pixels[i]);
interpreter.Invoke();
// Probability(interpreter.output(0)->data.uint8[i]), kClassNames[i]
```

The model is {flash} bytes of flash, `kModelLength`; {arena} bytes of RAM are reserved,
`kArenaSize`. TensorFlow Lite Micro's code comes on top.
"""

HTML = """\
Open {file} in a browser, from disk or from any web server: it needs no network. Its
self-test says how many test images get the same answer there as from Keras.
"""
