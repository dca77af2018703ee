"""Models in C++ for TensorFlow Lite Micro: the sources, their check, their limits."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from kerascnn.data.splits import take
from kerascnn.errors import ConfigError, ExportError, ModelFileError
from kerascnn.exporting import export
from kerascnn.exporting.checked_images import (
    FEWEST_IMAGES,
    agreement_in_words,
    predict_within,
)
from kerascnn.exporting.export import check_file, export_run
from kerascnn.exporting.micro import description, memory
from kerascnn.exporting.micro.arena import ALIGNMENT, with_margin
from kerascnn.exporting.micro.sources import byte_rows, c_float, c_string, identifier
from kerascnn.exporting.micro.write import write_micro
from kerascnn.exporting.report import Export
from kerascnn.model_files.find import exported_artifacts, format_of
from kerascnn.model_files.formats import FORMATS
from kerascnn.model_files.keras_model import predict_probabilities
from kerascnn.model_files.process import RuntimeProcess
from kerascnn.runs.folder import Run

# As the extra's marker in setup.cfg.
needs_tflm = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="tflite-micro has wheels for Linux on x86-64 alone",
)
needs_compiler = pytest.mark.skipif(
    shutil.which("c++") is None, reason="there is no C++ compiler"
)
BUILTIN = {k: v for k, v in vars(schema.BuiltinOperator).items() if k.isupper()}
STRICT = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic")


@pytest.fixture(scope="module")
def sources(lenet, splits, tmp_path_factory):
    """That LeNet in C++, calibrated as `exported` is. Tests do not write into it."""
    folder = tmp_path_factory.mktemp("micro") / "micro"
    train, test = splits
    options = {"quantization": "int8", "images": train.images[:200]}
    write_micro(lenet, folder, test.class_names, **options)
    return folder


@pytest.fixture(scope="module")
def few(splits):
    return take(splits[1], 150, seed=1)


@pytest.fixture(scope="module")
def reference(lenet, few):
    return predict_probabilities(lenet, few.images)


@pytest.fixture
def copy(sources, tmp_path):
    """A copy of the sources, in one file of which a text is replaced."""

    def change(name, old, new):
        folder = shutil.copytree(sources, tmp_path / "changed")
        text = (folder / name).read_text()
        changed = re.sub(old, new, text)
        assert changed != text
        (folder / name).write_text(changed)
        return folder

    return change


def constant(folder, name, file="model_settings.h"):
    return int(re.search(rf"{name} = (\d+);", (folder / file).read_text())[1])


DUMP = """
#include <cstdio>
#include "model_data.h"
#include "model_settings.h"
#include "sample.h"
using namespace lenet_model;
int main() {
  std::printf("%u %d %d %d ", kModelLength, kImageLength, kNumClasses, kSampleClass);
  std::printf("%d\\n", reinterpret_cast<unsigned long>(kModel) % 16 == 0);
  for (const char* name : kClassNames) std::printf("%s ", name);
  std::printf("\\n");
  for (int pixel = 0; pixel < 256; ++pixel)
    std::printf("%d ", QuantizePixel(static_cast<float>(pixel)));
  std::printf("\\n%.9g %.9g\\n", Probability(0), Probability(255));
  std::fwrite(kModel, 1, kModelLength, stdout);
  std::fwrite(kSampleImage, 1, kImageLength, stdout);
  std::fwrite(kSampleAnswer, 1, kNumClasses, stdout);
}
"""


@needs_tflm
@needs_compiler
def test_compiled_sources_hold_the_file_and_the_sample(
    sources, exported, splits, tmp_path
):
    """Compiled without a warning; then what is in the program, byte for byte."""
    (tmp_path / "dump.cc").write_text(DUMP)
    files = [tmp_path / "dump.cc", sources / "model_data.cc", sources / "sample.cc"]
    program = tmp_path / "dump"
    subprocess.run(
        ["c++", *STRICT, f"-I{sources}", *map(str, files), "-o", str(program)],
        check=True,
    )
    said = subprocess.run([program], check=True, capture_output=True).stdout
    numbers, names, pixels, ends, content = said.split(b"\n", 4)
    file = (exported / "model-int8.tflite").read_bytes()
    length, image_length, classes, sample_class, aligned = map(int, numbers.split())
    assert (length, image_length, classes) == (len(file), 28 * 28, 10)
    assert aligned
    assert names.split() == [str(digit).encode() for digit in range(10)]
    assert list(map(int, pixels.split())) == list(range(256))
    assert list(map(float, ends.split())) == [0, pytest.approx(255 / 256)]
    assert content[:length] == file
    image = np.frombuffer(content[length : length + image_length], np.uint8)
    assert any(np.array_equal(image, other.ravel()) for other in splits[0].images[:200])
    answer = np.frombuffer(content[length + image_length :], np.uint8)
    assert answer.argmax() == sample_class
    with RuntimeProcess(sources, "micro") as process:
        [again] = process.predict(image.reshape(1, 28, 28, 1))
    np.testing.assert_array_equal(again * 256, answer)


@needs_compiler
@pytest.mark.parametrize("name", ["model_data.cc", "sample.cc"])
@pytest.mark.parametrize("compiler", ["cc", "c++"])
@needs_tflm
def test_what_needs_no_headers_compiles_without_warnings(
    sources, tmp_path, name, compiler
):
    command = [compiler, "-Wall", "-Wextra", "-Werror", "-c", str(sources / name)]
    subprocess.run([*command, "-o", str(tmp_path / "out.o")], check=True)


@needs_tflm
@needs_compiler
@pytest.mark.skipif("TFLM" not in os.environ, reason="TFLM names no checkout of it")
def test_self_test_compiles_where_the_headers_are(sources):
    """`TFLM` is a checkout of tflite-micro whose downloads `make` has done."""
    root = Path(os.environ["TFLM"])
    downloads = root / "tensorflow/lite/micro/tools/make/downloads"
    parts = (root, *(downloads / part for part in ("flatbuffers/include", "gemmlowp")))
    include = [f"-I{part}" for part in parts]
    test = str(sources / "self_test.cc")
    subprocess.run(["c++", "-std=c++17", "-fsyntax-only", *include, test], check=True)


@needs_tflm
def test_what_is_not_compiled_here_says_so(sources):
    texts = {path.name: path.read_text() for path in sources.iterdir()}
    marked = [name for name in texts if "Not compiled here: it needs" in texts[name]]
    assert sorted(marked) == ["model_settings.h", "self_test.cc"]
    needs = [name for name, text in texts.items() if '#include "tensorflow/' in text]
    assert sorted(needs) == sorted(marked)


@needs_tflm
def test_resolver_has_the_operators_of_the_file(sources, exported):
    content = (exported / "model-int8.tflite").read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    kinds = {code.builtinCode for code in model.operatorCodes}
    text = (sources / "model_settings.h").read_text()
    added = re.findall(r"resolver\.Add(\w+)\(\) != kTfLiteOk", text)
    assert f"tflite::MicroMutableOpResolver<{len(kinds)}>;" in text
    names = {name.replace("_", "").lower(): value for name, value in BUILTIN.items()}
    assert {names[name.lower()] for name in added} == kinds
    assert len(added) == len(kinds)


INDEPENDENT = """
import sys
import numpy as np
from tflite_micro.python.tflite_micro import runtime

file, images, answers, arena = sys.argv[1:]
interpreter = runtime.Interpreter.from_file(file, arena_size=int(arena))
given = []
for image in np.load(images):
    interpreter.set_input(image[np.newaxis], 0)
    interpreter.invoke()
    given.append(interpreter.get_output(0)[0])
np.save(answers, given)
"""


@needs_tflm
def test_check_is_what_tflm_answers_to_the_file(
    sources, exported, few, reference, run_python, tmp_path
):
    """An independent script on the TFLite file itself, in the arena that was found."""
    np.save(tmp_path / "images.npy", few.images)
    arena = constant(sources, "kArenaMeasured")
    arguments = (exported / "model-int8.tflite", "images.npy", "answers.npy")
    done = run_python("-c", INDEPENDENT, *arguments, str(arena))
    assert done.returncode == 0, done.stderr
    answers = np.load(tmp_path / "answers.npy")
    with RuntimeProcess(sources, "micro") as process:
        assert process.shapes == ((None, 28, 28, 1), (None, 10))
        probabilities = process.predict(few.images)
    np.testing.assert_array_equal(probabilities, answers.astype(np.float32) / 256)
    checked = check_file(sources, few, reference, "micro", "int8")
    assert checked.problem == ""
    assert checked.images == 150
    agreement = (answers.argmax(1) == reference.argmax(1)).mean()
    assert checked.agreement == agreement > 0.98
    assert checked.accuracy == (answers.argmax(1) == few.labels).mean()


@needs_tflm
def test_arena_is_the_smallest_to_16_bytes(
    sources, exported, few, run_python, tmp_path
):
    measured = constant(sources, "kArenaMeasured")
    assert constant(sources, "kArenaSize") == with_margin(measured)
    file = exported / "model-int8.tflite"
    np.save(tmp_path / "images.npy", few.images[:1])
    arguments = ("-c", INDEPENDENT, file, "images.npy", "answers.npy")
    assert run_python(*arguments, str(measured)).returncode == 0
    assert run_python(*arguments, str(measured - ALIGNMENT)).returncode != 0


def test_margin_is_a_quarter_rounded_up():
    assert with_margin(1600) == 2000
    assert with_margin(1616) == 2032
    assert with_margin(1616) % ALIGNMENT == 0


@needs_tflm
@pytest.mark.parametrize("share", [0.3, 0.4])
def test_spoilt_weights_are_rejected(copy, few, reference, share):
    def turn(found):
        values = found[1].split()
        part = slice(int(len(values) * share), int(len(values) * (share + 0.2)))
        values[part] = values[part][::-1]
        return f"kModel[] = {{{' '.join(values)}}}"

    folder = copy("model_data.cc", r"kModel\[\] = \{([^}]*)\}", turn)
    checked = check_file(folder, few, reference, "micro", "int8")
    assert "get another class" in checked.problem


@needs_tflm
@pytest.mark.parametrize("name", ["kInputScale", "kOutputScale"])
def test_spoilt_scales_are_rejected(copy, few, reference, name):
    folder = copy("model_settings.h", rf"{name} = .*;", f"{name} = 0.5f;")
    checked = check_file(folder, few, reference, "micro", "int8")
    assert "scales of another model" in checked.problem


@needs_tflm
@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("model_data.cc", "kModel", "kOther", "model_data.cc is damaged: no kModel"),
        ("model_data.cc", "0x1c, ", "0x1g, ", "model_data.cc is damaged"),
        ("model_data.cc", "0x1c, ", "0xé, ", "model_data.cc is damaged: non-hexa"),
        ("model_data.cc", r"\{\n    0x.*\n", "{\n", "Cannot run the model"),
        ("model_settings.h", "kInputScale =", "kScale =", "damaged at 'kInputScale'"),
        ("model_settings.h", r"Measured = \d+", "Measured = 2048", "Cannot run"),
    ],
)
def test_damaged_sources_are_one_line(copy, name, old, new, message):
    folder = copy(name, old, new)
    with pytest.raises(ModelFileError, match=message) as told:
        RuntimeProcess(folder, "micro").close()
    assert "\n" not in str(told.value)


@needs_tflm
def test_time_decides_how_many_images_are_seen(sources, splits):
    test = take(splits[1], 150, seed=2)
    with RuntimeProcess(sources, "micro") as process:
        everything = process.predict(test.images)
        seen, probabilities = predict_within(process, test, 1e-6)
        assert len(seen) == len(set(seen.tolist())) == FEWEST_IMAGES
        np.testing.assert_array_equal(probabilities, everything[seen])
        seen, probabilities = predict_within(process, test, 1e6)
        assert sorted(seen.tolist()) == list(range(150))
        np.testing.assert_array_equal(probabilities, everything[seen])


def test_one_image_of_few_may_be_lost_where_time_allows_no_more():
    row = {"path": Path("micro"), "size_bytes": 1, "largest_difference": 0.5}
    of = Export(
        **row,
        **{"format": "micro", "quantization": "int8", "images": 100},
        **{"agreement": 0.99, "accuracy": 0.98, "accuracy_drop": 0.99 - 0.98},
    )
    assert export._problem(of, None) == ""
    two = replace(of, accuracy=0.97, accuracy_drop=0.02)
    assert "2.00 points lower, more than 0.30" in export._problem(two, None)
    # The runtimes of other formats have time for all images: nothing is let off.
    other = replace(of, format="tflite")
    assert "1.00 points lower, more than 0.30" in export._problem(other, None)
    assert agreement_in_words(of, 10_000) == (
        "agrees within tolerance (1 of 100 classes differ, 95% interval 0.18% to "
        "5.45%, largest difference 0.5)"
    )
    assert agreement_in_words(replace(of, largest_difference=0.0781), 100) == (
        "agrees within tolerance (1 of 100 classes differ, largest difference 0.078)"
    )
    same = replace(of, format="keras", agreement=1.0, largest_difference=0.0)
    assert agreement_in_words(same, 100) == (
        "gives the model's own probabilities on 100 images"
    )


def test_limits_say_by_how_much():
    takes = memory.Memory(arena_bytes=9000, flash_bytes=66_736, measured_bytes=7000)
    memory.Limits(9000, 66_736).check(takes, Path("micro"))
    memory.Limits().check(takes, Path("micro"))
    with pytest.raises(
        ExportError, match=r"9,000 bytes of RAM, 1,000 more than --arena-limit 8,000\. "
    ):
        memory.Limits(8000, None).check(takes, Path("micro"))
    with pytest.raises(ExportError, match=r"of RAM.* and 66,736 bytes of flash, 736 m"):
        memory.Limits(8000, 66_000).check(takes, Path("micro"))
    with pytest.raises(ConfigError, match=r"--flash-limit applies to micro.*onnx"):
        memory.Limits(None, 10).require_use(["onnx"])


def test_text_and_numbers_are_literals():
    assert byte_rows(bytes([0, 28, 255])) == "    0x00, 0x1c, 0xff,"
    assert byte_rows(bytes(13)).count("\n") == 1
    assert c_string('a"b\\c?') == '"a\\042b\\134c\\077"'
    assert c_string("é\n1\udcff") == '"\\303\\251\\0121\\377"'
    assert c_float(1.0) == "1.0f"
    assert c_float(float(np.float32(1 / 255))) == "0.003921568859368563f"


def test_namespaces_are_identifiers():
    assert identifier("lenet") == "lenet_model"
    assert identifier("My-Net 2!") == "my_net_2_model"
    assert identifier("2x") == "model_2x"
    assert identifier("…") == "model"


def test_unknown_operator_is_named(exported):
    content = (exported / "model-int8.tflite").read_bytes()
    known = description.describe(content)
    assert "AddConv2D" in known.registrations
    assert known.image_shape == (28, 28, 1)
    assert known.input == description.Steps(1.0, 0)
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    code = model.operatorCodes[0]
    code.builtinCode = schema.BuiltinOperator.LOCAL_RESPONSE_NORMALIZATION
    code.deprecatedBuiltinCode = 0
    assert description._name(code) == "LOCAL_RESPONSE_NORMALIZATION"
    with pytest.raises(ExportError, match="operator LOCAL_RESPONSE_NORMALIZATION"):
        description._registration(description._name(code))


@needs_tflm
@pytest.mark.parametrize("name", ["micro", "tflite"])
def test_what_is_written_where_nothing_is_asked_for(name):
    [(_, quantization)] = export.list_jobs([name], ["none"])
    assert FORMATS[name].file_name(quantization) in {"micro", "model.tflite"}
    assert quantization == {"micro": "int8", "tflite": "none"}[name]


@needs_tflm
@pytest.mark.slow
def test_export_is_checked_and_a_model_that_does_not_fit_is_refused(
    lenet_run, tmp_path
):
    run = Run(shutil.copytree(lenet_run.path, tmp_path / "lenet-sgd-1"))
    said = []
    options = {"formats": ["micro"], "limit": 300, "message": said.append}
    [done] = export_run(run, **options)
    assert (done.problem, done.images) == ("", 300)
    assert done.path == run.path / "export" / "micro"
    assert format_of(done.path) == "micro"
    assert exported_artifacts(run) == []
    assert done.arena_bytes == constant(done.path, "kArenaSize")
    assert done.flash_bytes == constant(done.path, "kModelLength", "model_data.cc")
    report = json.loads((run.path / "export" / "export.json").read_text())
    assert report["files"] == [done.to_dict()]
    assert f"{done.flash_bytes:,} bytes of flash" in said[2]
    assert "## TFLite Micro" in (run.path / "export" / "README.md").read_text()
    too_little = done.arena_bytes - 16
    other = tmp_path / "other"
    with pytest.raises(ExportError, match="16 more than --arena-limit"):
        export_run(run, other, arena_limit=too_little, **options)
    assert list(other.iterdir()) == []
