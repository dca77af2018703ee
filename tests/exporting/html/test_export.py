"""Pages: models are checked by the page's own scripts, and what cannot be is told."""

import base64
import gzip
import re
import shutil

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from kerascnn.data.facts import DatasetFacts
from kerascnn.data.splits import take
from kerascnn.errors import (
    ConfigError,
    ExportError,
    MissingExtraError,
    ModelFileError,
    RunError,
)
from kerascnn.exporting.export import check_file
from kerascnn.exporting.html import export as module
from kerascnn.exporting.html.export import export_page
from kerascnn.exporting.html.page import most_differing
from kerascnn.exporting.html.scripts import source_hash
from kerascnn.model_files.find import find_artifact, open_artifact
from kerascnn.model_files.keras_model import predict_probabilities
from kerascnn.model_files.process import RuntimeProcess
from kerascnn.runs.folder import Run


@pytest.mark.slow
def test_page_is_checked_named_and_described(exported_page):
    exact, small = exported_page
    assert [export.problem for export in exported_page] == ["", ""]
    assert exact.path == small.path
    assert exact.path.name == "model.html"
    assert (exact.images, small.images) == (500, 500)
    assert exact.largest_difference < 1e-5
    assert exact.agreement == 1
    assert small.agreement > 0.98
    assert exact.size_bytes == exact.path.stat().st_size < 8e6
    card = (exact.path.parent / "README.md").read_text()
    assert card.count("| model.html |") == 2
    assert "## HTML page" in card


def test_pages_are_made_without_tensorflow_in_the_same_process(run_python):
    """Models are converted and evaluated in others, which keep its log back."""
    heavy = "{'tensorflow', 'keras'} & set(sys.modules)"
    done = run_python(
        "-c", f"import kerascnn.exporting.html.export, sys; print({heavy})"
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_page_from_elsewhere_is_not_run(tmp_path):
    """Its scripts could read and write files."""
    path = tmp_path / "model.html"
    path.write_text("<!DOCTYPE html>")
    with pytest.raises(ModelFileError, match="There is no model file"):
        open_artifact(path)
    with pytest.raises(RunError):
        find_artifact(str(path), tmp_path)


@pytest.mark.slow
def test_answers_in_node_are_those_of_keras(exported_page, lenet, splits):
    images = splits[1].images[:200]
    expected = predict_probabilities(lenet, images)
    with RuntimeProcess(exported_page[0].path, "html") as process:
        assert process.shapes == ((None, 28, 28, 1), (None, 10))
        found = process.predict(images, batch_size=64)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with RuntimeProcess(exported_page[0].path, "html", member=1) as process:
        found = process.predict(images)
    assert (found.argmax(1) == expected.argmax(1)).mean() > 0.97
    assert abs(found - expected).max() > 1e-4  # it is the other one


@pytest.mark.slow
def test_policy_allows_these_scripts_and_nothing_else(exported_page):
    text = exported_page[0].path.read_text("utf-8")
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    scripts = re.findall(r'<script id="\w+">(.*?)</script>', text, re.DOTALL)
    hashes = [source_hash(script) for script in scripts]
    assert rules["script-src"].split() == [*hashes, "'wasm-unsafe-eval'"]
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert rules["style-src"] == source_hash(style)
    assert "connect-src" not in rules
    assert not re.search(r'(?:src|href)="(?!data:)', text.split("<script")[0])


@pytest.mark.slow
def test_page_of_a_folder_and_its_awkward_class_names(picture_page):
    assert picture_page.problem == ""
    assert picture_page.images == 12
    text = picture_page.path.read_text("utf-8")
    assert "none <0>" not in text.split("<script")[0].split("<pre>")[0]
    assert '"none \\u003c0>"' in text


def other_scripts(text):
    """Pixels turned round before the model gets them."""
    return text.replace(
        'if (dtype === "float32") return Float32Array.from(values);',
        'if (dtype === "float32") return Float32Array.from(values).reverse();',
    )


def other_weights(text):
    """Some weights of the first model's file, negated."""
    head, rest = text.split('id="file-0">', 1)
    block, rest = rest.split("</script>", 1)
    content = bytearray(gzip.decompress(base64.b64decode(block)))
    graph = schema.Model.GetRootAs(content, 0)
    sizes = [
        graph.Buffers(place).DataLength() for place in range(graph.BuffersLength())
    ]
    weights = graph.Buffers(int(np.argmax(sizes))).DataAsNumpy()
    weights[3 : len(weights) // 4 : 4] ^= 128  # the signs of every fourth
    assert content != gzip.decompress(base64.b64decode(block))
    block = base64.b64encode(gzip.compress(bytes(content))).decode()
    return f'{head}id="file-0">{block}</script>{rest}'


def other_scale(text):
    """What a step of the second model's pixels means."""
    return re.sub(
        r'("quantization": "int8", "input": \{"dtype": "uint8", "scale": )[\d.]+',
        r"\g<1>4.0",
        text,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "member", "quantization", "said"),
    [
        (other_scripts, 0, "none", "differs by"),
        (other_weights, 0, "none", "differs by"),
        (other_scale, 1, "int8", "get another class"),
    ],
)
def test_spoilt_page_is_found(
    exported_page, splits, lenet, tmp_path, spoil, member, quantization, said
):
    text = exported_page[0].path.read_text("utf-8")
    path = tmp_path / "model.html"
    path.write_text(spoil(text), "utf-8")
    assert path.read_text("utf-8") != text
    test = take(splits[1], 200, seed=0)
    reference = predict_probabilities(lenet, test.images)
    checked = check_file(path, test, reference, "html", quantization, member=member)
    assert said in checked.problem


@pytest.mark.slow
def test_page_with_a_spoilt_model_is_rejected(
    picture_run, litertjs, tmp_path, monkeypatch
):
    convert = module.convert

    def convert_wrongly(model, target, *settings):
        convert(model, target, *settings)
        content = bytearray(target.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 2000] = bytes(2000)
        target.write_bytes(content)

    monkeypatch.setattr(module, "convert", convert_wrongly)
    [export] = export_page([picture_run], tmp_path)
    assert export.problem
    assert export.path == tmp_path / "model.html.rejected"
    assert not (tmp_path / "model.html").exists()


def test_self_test_allows_for_the_chance_of_its_few_images():
    assert most_differing(0.02, 200) == 9
    assert most_differing(0.02, 10_000) == 242
    assert most_differing(0.0, 200) == 0
    assert most_differing(1.0, 200) == 200


@pytest.mark.slow
def test_too_large_a_page_proposes_int8(lenet_run, litertjs, tmp_path):
    with pytest.raises(ExportError, match=r"than the 4.4 MB .*--quantize int8"):
        export_page([lenet_run], tmp_path, limit=50, max_megabytes=4.4)
    assert list(tmp_path.iterdir()) == []


def test_int8_is_proposed_where_it_suffices():
    module._require_small(25_000_000, 20_000_000, 25)
    with pytest.raises(ExportError, match=r"have 60.0 MB, more .*--quantize int8"):
        module._require_small(60_000_000, 40_000_000, 25)
    with pytest.raises(ExportError, match="Give --max-megabytes"):
        module._require_small(60_000_000, 30_000_000, 25)
    with pytest.raises(ExportError, match="Give --max-megabytes"):
        module._require_small(25_000_001, 0, 25)


def test_what_is_no_page_is_told(node, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("<!DOCTYPE html><title>Report</title>")
    with pytest.raises(ModelFileError, match="it is not a page of kerascnn"):
        RuntimeProcess(path, "html")


@pytest.fixture
def two_runs(lenet_run, tmp_path):
    """The same run by two names, the second with AdaGrad."""
    runs = []
    for name in ("lenet-sgd-1", "lenet-sgd-2"):
        runs.append(Run(shutil.copytree(lenet_run.path, tmp_path / name)))
    return runs


@pytest.mark.slow
def test_two_runs_are_side_by_side(two_runs, litertjs, tmp_path):
    exports = export_page(two_runs, tmp_path / "page", limit=50)
    assert {export.path for export in exports} == {
        tmp_path / "page" / "lenet-sgd-1-and-lenet-sgd-2.html"
    }
    text = exports[0].path.read_text("utf-8")
    assert '<h3 id="name-1">lenet-sgd-2</h3>' in text


def test_what_cannot_be_on_one_page_is_refused(node, two_runs, monkeypatch):
    monkeypatch.setattr(module, "load_litertjs", lambda message: None)
    with pytest.raises(ConfigError, match="2 models side by side, but 4"):
        export_page(two_runs, quantizations=("none", "int8"))
    facts = DatasetFacts.from_table("fashion_mnist")
    two_runs[1].write_json("dataset.json", facts.to_dict())
    with pytest.raises(ConfigError, match=r"is for fashion_mnist, but .* for mnist"):
        export_page([two_runs[0], Run(two_runs[1].path)])


def test_quantization_that_pages_have_not_is_refused(node, lenet_run):
    with pytest.raises(ConfigError, match=r"float16 applies to tflite, but .* html"):
        export_page([lenet_run], quantizations=["float16"])


def test_without_node_the_extra_is_named(lenet_run, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"kerascnn\[html\]"):
        export_page([lenet_run])
