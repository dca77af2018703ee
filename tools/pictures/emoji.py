"""Emoji as two companies draw them, 64x64, by their groups in Unicode.

    python tools/pictures/emoji.py FOLDER

Google's are for training and Twitter's for testing: the same emoji, drawn by others.
Skin tones are left out, since they differ in color alone. npm fetches the packages.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import sys
import tarfile
from pathlib import Path

from corpus import CACHE, command, new_folder, save
from PIL import Image

VERSION = "16.0.0"
# Of each part: who drew it, and the digest of the package, as npm writes it.
PARTS = {
    "train": (
        "google",
        "ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ"
        "+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
    ),
    "test": (
        "twitter",
        "7F+uCuHH+7Qnrc15P5tnbvKkg9E6tlzi4MnT2uW1RlN4pLYTza6cP/ds"
        "tIfSDMtpjFLWuZewWg8jBbuL2eyELQ==",
    ),
}


def main(folder: Path) -> None:
    """Write each emoji twice, on white, under the name of its file."""
    new_folder(folder)
    for part, (company, digest) in PARTS.items():
        write_part(package(company, digest), company, folder, part)


def package(company: str, digest: str) -> bytes:
    """The package of a company's emoji, kept in the cache, with its digest checked."""
    name = f"emoji-datasource-{company}"
    file = CACHE / f"{name}-{VERSION}.tgz"
    if not file.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        where = ("--pack-destination", str(CACHE), "--silent")
        install = "It comes with Node.js, https://nodejs.org."
        command("npm", "pack", f"{name}@{VERSION}", *where, install=install)
    content = file.read_bytes()
    if base64.b64encode(hashlib.sha512(content).digest()).decode() != digest:
        sys.exit(f"{file} is not the package that was measured. Delete it, try again.")
    return content


def write_part(content: bytes, company: str, folder: Path, part: str) -> None:
    """Write the emoji of a package as one part of the corpus."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        files = {entry.name: entry for entry in archive}

        def read(path: str) -> bytes:
            return archive.extractfile(files[f"package/{path}"]).read()

        for entry in json.loads(read("emoji.json")):
            if entry["category"] == "Component":  # skin tones and hair alone
                continue
            label = re.sub(r"\W+", "-", entry["category"]).lower()
            drawn = Image.open(io.BytesIO(read(f"img/{company}/64/{entry['image']}")))
            drawn = drawn.convert("RGBA")
            paper = Image.new("RGBA", drawn.size, "white")
            picture = Image.alpha_composite(paper, drawn).convert("RGB")
            save(picture, folder, part, label, Path(entry["image"]).stem)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
