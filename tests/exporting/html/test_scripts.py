"""The scripts of a page: one text each, with nothing left to import."""

import re
from importlib.resources import files

import pytest

from kerascnn.exporting.html.litertjs import LiteRtJs
from kerascnn.exporting.html.scripts import (
    ENGINE,
    INTERFACE,
    engine_script,
    interface_script,
    source_hash,
)

LIBRARY = """\
import { createWasmLib } from "@litertjs/wasm-utils";
const loadLiteRt = 1;
export {
  loadLiteRt
};
//# sourceMappingURL=index.js.map"""


def test_modules_are_joined_after_those_that_they_import():
    names = [*ENGINE, *INTERFACE]
    templates = files("kerascnn.exporting.html") / "templates"
    for place, name in enumerate(names):
        text = (templates / f"{name}.js").read_text("utf-8")
        imported = re.findall(r'from "\./(\w+)\.js"', text)
        assert set(imported) <= set(names[:place]), name


def test_every_script_is_on_the_page():
    templates = files("kerascnn.exporting.html") / "templates"
    found = {path.name for path in templates.iterdir() if path.name.endswith(".js")}
    assert found == {f"{name}.js" for name in (*ENGINE, *INTERFACE)}


def test_nothing_is_imported_exported_or_fetched():
    scripts = engine_script(LiteRtJs(LIBRARY, "", b"")), interface_script()
    for script in scripts:
        assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
        assert not re.search(r"\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon", script)
        assert "</script" not in script


def test_another_version_of_the_library_is_refused():
    with pytest.raises(ValueError, match="not of the version"):
        engine_script(LiteRtJs("export { loadLiteRt };", "", b""))


def test_hash_is_that_of_the_standard():
    """The example of https://www.w3.org/TR/CSP3/, "alert('Hello, world.');"."""
    text = "alert('Hello, world.');"
    assert source_hash(text) == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
