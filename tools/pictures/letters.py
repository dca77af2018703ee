"""The letters A to Z of fonts in Debian, 64x64, split by who drew them.

    python tools/pictures/letters.py FOLDER
    python tools/pictures/letters.py --split

draws one picture of each letter from each font of `results/pictures/letters_fonts.csv`;
apt-get fetches the packages. `--split` writes all but the first two columns of the list
anew: after a line `package,file` was added or taken out.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from string import ascii_uppercase

import numpy as np
from corpus import CACHE, RESULTS, Row, command, new_folder, read_rows, save, write_rows
from PIL import Image, ImageDraw, ImageFont
from scipy.sparse.csgraph import connected_components

FONTS = RESULTS / "letters_fonts.csv"
SIDE = 64
# The longer side of a font's largest letter.
INK = 56
TEST_SHARE = 0.3
# Fonts whose letters correlate so much are one drawing, or copies with other widths. A
# few pairs were compared by eye: Lato and Carlito, which was made from it, have 0.90
# and 0.95; Arial's likes from different makers at least 0.86; Open Sans and Clear Sans,
# which were drawn anew, 0.81 and 0.88.
ALIKE = 0.85
ALIKE_STRETCHED = 0.93
# Such a group would be a large part of the test set, by one maker.
MOST_IN_TEST = 10


def main(folder: Path) -> None:
    """Write the letters of all fonts, a file of the font's name in each class."""
    new_folder(folder)
    fonts = read_rows(FONTS)
    files = fetch(fonts)
    for font, file in zip(fonts, files, strict=True):
        if digest(file) != font["sha256"]:
            sys.exit(
                f"{file} is not the one that was measured, of version "
                f"{font['version']}. Debian 12 has it; or `--split` lists yours."
            )
        name = re.sub(r"\W+", "-", f"{font['package']}-{font['family']}").lower()
        for letter, pixels in zip(ascii_uppercase, draw(file), strict=True):
            save(Image.fromarray(pixels), folder, font["side"], letter, name)


def split() -> None:
    """Find the groups of fonts that stay together, give each a side, and list them."""
    fonts = read_rows(FONTS)
    files = fetch(fonts)
    families = [ImageFont.truetype(file).getname()[0] for file in files]
    letters = np.stack([draw(file) for file in files])
    numbers = grouped([row["package"] for row in fonts], letters)
    # Named by its first family, a group keeps its name when the list grows elsewhere.
    groups = [families[numbers.index(number)] for number in numbers]
    sides = sides_of(groups)
    rows = [
        {
            **{"package": row["package"], "file": row["file"], "family": family},
            **{"version": version(row["package"]), "sha256": digest(file)},
            **{"group": group, "side": side},
        }
        for row, file, family, group, side in zip(
            fonts, files, families, groups, sides, strict=True
        )
    ]
    write_rows(FONTS, rows)


def fetch(fonts: list[Row]) -> list[Path]:
    """The files of the fonts, after those packages that are missing were fetched."""
    cache = CACHE / "fonts"
    cache.mkdir(parents=True, exist_ok=True)
    wanted = sorted({row["package"] for row in fonts})
    missing = [name for name in wanted if not (cache / name).exists()]
    if missing:
        install = "Debian and Ubuntu have it."
        command("apt-get", "download", *missing, cwd=cache, install=install)
    for name in missing:
        command("dpkg-deb", "-x", str(archive(name)), str(cache / name))
    return [cache / row["package"] / row["file"] for row in fonts]


def archive(package: str) -> Path:
    """The file of a package that was fetched."""
    return next((CACHE / "fonts").glob(f"{package}_*.deb"))


def version(package: str) -> str:
    """The version of a package that was fetched."""
    return archive(package).name.split("_")[1].replace("%3a", ":")


def digest(file: Path) -> str:
    """The SHA-256 of a file."""
    return sha256(file.read_bytes()).hexdigest()


def draw(file: Path) -> np.ndarray:
    """The letters of a font at one size, black on white, `(26, 64, 64)` of uint8.

    The middle of what is drawn of a letter is in the middle of its picture.
    """
    large = ImageFont.truetype(file, 4 * SIDE)
    extent = max(max(_ink(large, letter).size) for letter in ascii_uppercase)
    font = ImageFont.truetype(file, 4 * SIDE * INK // extent)
    pictures = []
    for letter in ascii_uppercase:
        ink = _ink(font, letter)
        picture = Image.new("L", (SIDE, SIDE), 255)
        picture.paste(0, ((SIDE - ink.width) // 2, (SIDE - ink.height) // 2), ink)
        pictures.append(np.asarray(picture))
    if len({picture.tobytes() for picture in pictures}) < len(ascii_uppercase):
        sys.exit(f"{file} lacks letters, since it draws some alike. Take out its line.")
    return np.stack(pictures)


def _ink(font: ImageFont.FreeTypeFont, letter: str) -> Image.Image:
    """How much ink each pixel of a letter has, from 0 to 255, without empty margins."""
    sheet = Image.new("L", (16 * SIDE, 16 * SIDE))
    ImageDraw.Draw(sheet).text((4 * SIDE, 4 * SIDE), letter, font=font, fill=255)
    return sheet.crop(sheet.getbbox())


def grouped(packages: list[str], letters: np.ndarray) -> list[int]:
    """A number for each font: the same for fonts of one maker, and for those alike.

    One maker is one package, or one that has many: ADF, GFS, SIL. Groups that share a
    font are one group.

    Args:
        packages: The package of each font.
        letters: Their pictures, `(fonts, 26, height, width)`.
    """
    makers = [re.sub(r"^fonts-(adf|gfs|sil)-.*", r"\1", name) for name in packages]
    same_maker = np.equal.outer(makers, makers)
    stretched = np.stack([[_stretched(letter) for letter in font] for font in letters])
    alike = _correlation(letters) >= ALIKE
    alike_stretched = _correlation(stretched) >= ALIKE_STRETCHED
    return connected_components(same_maker | alike | alike_stretched)[1].tolist()


def _stretched(letter: np.ndarray) -> np.ndarray:
    """What is drawn, made a square: of a narrow font the same as of a wide one."""
    drawn = Image.fromarray(255 - letter)
    return np.asarray(drawn.crop(drawn.getbbox()).resize((24, 24)))


def _correlation(letters: np.ndarray) -> np.ndarray:
    """How alike each two fonts are, `(fonts, fonts)`: the mean over the letters."""
    flat = letters.reshape(*letters.shape[:2], -1).astype(np.float32)
    flat -= flat.mean(axis=2, keepdims=True)
    # An I that is a bar is all ink when stretched, and is like nothing.
    flat /= np.maximum(np.linalg.norm(flat, axis=2, keepdims=True), 1)
    return np.einsum("alp,blp->ab", flat, flat, optimize=True) / flat.shape[1]


def sides_of(groups: list[str]) -> list[str]:
    """The side of each font, given the name of its group: by chance, whole groups.

    The chance is the digest of the name, and the large groups are for training.
    """
    sizes = Counter(groups)
    room = round(TEST_SHARE * len(groups))
    test = set()
    for name in sorted(sizes, key=lambda name: sha256(name.encode()).digest()):
        if sizes[name] <= min(room, MOST_IN_TEST):
            test.add(name)
            room -= sizes[name]
    return ["test" if name in test else "train" for name in groups]


if __name__ == "__main__":
    if sys.argv[1:] == ["--split"]:
        split()
    else:
        main(Path(sys.argv[1]))
