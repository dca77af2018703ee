"""The scripts of a page: modules joined to one script, which needs no other file."""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

from kerascnn.exporting.html.litertjs import LiteRtJs

# Each after those that it imports.
ENGINE = ("resample", "fit", "unpack", "classify", "self_test")
INTERFACE = ("drawing", "pictures", "interface")
IMPORT = re.compile(r"^import .*;\n", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?function |const )", re.MULTILINE)
# What the engine's script makes global, as `kerascnn`.
OFFERED = (
    *("startRuntime", "openModel", "fitPicture", "likeliest", "runSelfTest"),
    *("isWithin", "unpack", "unpackFloats"),
)
# What the library imports from a package beside it: the script that it would load is in
# the page already.
WASM_UTILS = 'import { createWasmLib } from "@litertjs/wasm-utils";'
CREATE_WASM_LIB = """\
const createWasmLib = async (Library) => {
  const module = await globalThis.ModuleFactory(globalThis.Module);
  globalThis.ModuleFactory = globalThis.Module = undefined;
  return new Library(module);
};"""
LAST_EXPORT = re.compile(
    r"^export \{[^}]*\};\s*(?://# sourceMappingURL=\S*\s*)?\Z", re.MULTILINE
)


def engine_script(runtime: LiteRtJs) -> str:
    """All that has to do with no document: fitting, models, the self-test."""
    return (
        f"const litert = {_expression(runtime.module)}\n"
        f"globalThis.kerascnn = (() => {{\n{_joined(ENGINE)}\n"
        f"return {{ {', '.join(OFFERED)} }};\n}})();"
    )


def interface_script() -> str:
    """What is done with the document."""
    return f"(() => {{\n{_joined(INTERFACE)}\n}})();"


def source_hash(text: str) -> str:
    """What a Content-Security-Policy calls an inline script or style by."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _joined(names: tuple[str, ...]) -> str:
    """Some of the page's modules as one text, in which nothing is imported."""
    templates = files("kerascnn.exporting.html") / "templates"
    texts = ((templates / f"{name}.js").read_text("utf-8") for name in names)
    return "".join(EXPORT.sub("", IMPORT.sub("", text)) for text in texts)


def _expression(text: str) -> str:
    """LiteRT.js's module as an expression."""
    if text.count(WASM_UTILS) != 1 or not LAST_EXPORT.search(text):
        raise ValueError("LiteRT.js is not of the version that is pinned")
    text = LAST_EXPORT.sub("", text.replace(WASM_UTILS, CREATE_WASM_LIB))
    offered = "return { loadLiteRt, loadAndCompile, Tensor };"
    return f"(() => {{\n{text}\n{offered}\n}})();"
