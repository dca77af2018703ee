"""Models of a page, timed in Node beside the others of their run."""

import shutil

import pytest

import kerascnn
from kerascnn.errors import ModelFileError
from kerascnn.exporting.html.members import page_members
from kerascnn.runs.folder import Run


@pytest.mark.slow
def test_models_of_a_page_are_benchmarked_by_kerascnns_own_scripts(
    lenet_run, exported_page, tmp_path
):
    run = Run(shutil.copytree(lenet_run.path, tmp_path / "run"))
    page = run.path / "export" / "model.html"
    page.parent.mkdir()
    text = exported_page[0].path.read_text("utf-8")
    # Were the page's own script run, it would end Node.
    begin = '<script id="engine">'
    spoilt = text.replace(begin, f"{begin}process.exit(3);")
    assert spoilt != text
    page.write_text(spoilt, "utf-8")
    measured = kerascnn.benchmark(run, batch_sizes=[4], seconds=0.1, limit=200)
    keras, exact, quantized = measured.models
    assert [row.file for row in (exact, quantized)] == [str(page), f"{page} (int8)"]
    assert {exact.runtime, quantized.runtime} == {"LiteRT.js 2.5.3 in Node"}
    assert exact.accuracy == keras.accuracy
    assert quantized.accuracy == pytest.approx(keras.accuracy, abs=0.02)
    for row in (exact, quantized):
        assert 0 < row.latency_ms <= row.latency_p95_ms
        assert set(row.images_per_second) == {4}
        assert row.peak_bytes > 40e6  # Node's, and not that of the process beside it
    assert measured.recommended in measured.models


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"schema": 0, "models": [{"quantization": "none"}]}',
        '{"schema": 1, "models": []}',
        '{"schema": 1, "models": [3]}',
        '{"schema": 1, "models": [{"quantization": 4}]}',
    ],
)
def test_what_is_no_page_is_one_line(node, tmp_path, text):
    page = tmp_path / "model.html"
    page.write_text(text and f'<script id="page-data">{text}</script>')
    with pytest.raises(ModelFileError, match=r"no page of this version .* Export it"):
        page_members(page, None).__enter__()
