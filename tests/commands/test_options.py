"""Options that several commands share."""

import pytest
from click.testing import CliRunner
from PIL import Image

from kerascnn.cli import main
from kerascnn.errors import ModelFileError


@pytest.mark.parametrize("command", ["evaluate", "predict", "benchmark"])
def test_trust_and_time_limit_reach_the_runtime(
    exported, tmp_path, monkeypatch, command
):
    asked = []

    def refuse(path, format, *, trust, timeout_s, **others):
        asked.append((trust, timeout_s))
        raise ModelFileError("no")

    for module in ("model_files.here", "evaluation.benchmark"):
        monkeypatch.setattr(f"kerascnn.{module}.RuntimeProcess", refuse)
    model = str(exported / "saved_model")
    Image.new("L", (28, 28)).save(tmp_path / "a.png")
    arguments = {"predict": [str(tmp_path / "a.png"), "--model", model]}
    line = [command, *arguments.get(command, [model])]
    for options in ([], ["--trust", "--timeout", "7"]):
        result = CliRunner().invoke(main, [*line, *options])
        assert result.exit_code == 1
        assert result.stderr.splitlines()[-1] == "Error: no"
    assert asked == [(False, 600), (True, 7)]
    result = CliRunner().invoke(main, [*line, "--timeout", "0"])
    assert result.exit_code == 2
