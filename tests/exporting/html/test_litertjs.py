"""LiteRT.js: what is pinned, what is kept, and what is said without a network."""

import subprocess
from types import SimpleNamespace

import pytest

from kerascnn.data.cache import VARIABLE
from kerascnn.errors import ExportError
from kerascnn.exporting.html import litertjs as module
from kerascnn.exporting.html.litertjs import PACKAGE, VERSION, is_intact, load_litertjs


@pytest.mark.slow
def test_what_comes_is_what_is_pinned_and_is_fetched_once(
    litertjs, cache_dir, monkeypatch
):
    kept = cache_dir / "litertjs" / f"core-{VERSION}.tgz"
    assert is_intact(kept.read_bytes())
    assert litertjs.wasm.startswith(b"\0asm")
    assert "ModuleFactory" in litertjs.loader
    monkeypatch.setattr(subprocess, "run", None)
    assert load_litertjs() == litertjs


@pytest.mark.slow
def test_damaged_archive_is_fetched_again(litertjs, tmp_path, monkeypatch, cache_dir):
    content = (cache_dir / "litertjs" / f"core-{VERSION}.tgz").read_bytes()
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    kept = tmp_path / "litertjs" / f"core-{VERSION}.tgz"
    kept.parent.mkdir()
    kept.write_bytes(content[:1000])
    said = []
    monkeypatch.setattr(module, "_fetch", lambda path: content)
    assert load_litertjs(said.append) == litertjs
    assert kept.read_bytes() == content
    assert said == [f"fetching @litertjs/core {VERSION} by npm, 12 MB, once"]


def test_other_content_is_refused_and_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    monkeypatch.setattr(module, "_fetch", lambda path: b"something else")
    with pytest.raises(ExportError, match="another content"):
        load_litertjs()
    assert list(tmp_path.iterdir()) == []


def test_no_network_is_one_line_that_says_what_to_do(node, tmp_path, monkeypatch):
    """npm itself, with a registry that nobody answers for."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retry_mintimeout", "1")
    monkeypatch.setenv("npm_config_fetch_retry_maxtimeout", "1")
    with pytest.raises(ExportError) as told:
        load_litertjs()
    text = str(told.value)
    package = f"{PACKAGE} {VERSION}"
    assert text.startswith(f"Cannot fetch LiteRT.js, the npm package {package}")
    assert "ECONNREFUSED" in text
    assert "\n" not in text
    assert str(tmp_path / "cache" / "litertjs" / f"core-{VERSION}.tgz") in text


def test_npm_that_hangs_is_ended(node, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))

    def hang(*words, **options):
        raise subprocess.TimeoutExpired(words, options["timeout"])

    monkeypatch.setattr(
        module,
        "subprocess",
        SimpleNamespace(
            run=hang,
            TimeoutExpired=subprocess.TimeoutExpired,
            DEVNULL=subprocess.DEVNULL,
        ),
    )
    with pytest.raises(ExportError, match="did not end within 300 seconds"):
        load_litertjs()
