"""Pictures that are none, are damaged, have odd names, or are no files at all."""

from __future__ import annotations

import io
import os
import socket
import struct
import zlib
from pathlib import Path

from PIL import Image, PngImagePlugin

MODES = {
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I"),
    "JPEG": ("L", "RGB", "CMYK", "YCbCr"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("L", "P", "RGB"),
    "BMP": ("1", "L", "P", "RGB", "RGBA"),
    "TIFF": (
        *("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB"),
        *("I;16", "I;16B", "I", "F"),
    ),
    "PPM": ("1", "L", "I;16", "RGB", "RGBA", "F"),
    # Not among the formats that are taken.
    "DDS": ("RGB", "RGBA"),
    "ICO": ("RGB", "RGBA"),
    "TGA": ("L", "RGB"),
    "PCX": ("L", "RGB"),
    "SGI": ("L", "RGB"),
    "EPS": ("L", "RGB", "CMYK"),
    "PDF": ("L", "RGB"),
    "XBM": ("1",),
    "IM": ("L", "RGB", "F"),
    "MSP": ("1",),
    "SPIDER": ("F",),
    "JPEG2000": ("L", "RGB"),
    "MPO": ("RGB",),
}
TEXTS = (
    b"",
    b"\x00",
    b"\n" * 1000,
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n",
    b"\xc5\xd0\xd3\xc6" + struct.pack("<II", 30, 10) + bytes(18) + b"%!PS-Adobe",
    b"P6 99999999999999999999 1 255\n",
    b"P5 100000 100000 255\n",
    b"P4\n# " + b"x" * 100_000,
    b"P3 2 2 255 1 2 3 four",
    b"P7\nWIDTH 0\nHEIGHT 0\nDEPTH 9\nMAXVAL 1\nENDHDR\n",
    b"Pf\n2 2\nnan\n" + bytes(16),
    b"Pf\n0 0\n-1.0\n",
    b"Pf\n1 1\n-1.0\n" + struct.pack("<f", float("nan")),
    b"GIF89a" + b"\xff" * 40,
    b"GIF89a\0\0\0\0\0\0\0;",
    b"BM" + b"\xff" * 60,
    b"BM"
    + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 1, -(2**31), 1, 1, 1, *[0] * 5),
    b"RIFF\xff\xff\xff\xffWEBPVP8 ",
    b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\0\0\0\x10\0\0\0\xff\xff\xff\xff\xff\xff",
    b"II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00",
    b"MM\x00*\xff\xff\xff\xff",
    b"II+\x00\x08\x00\x00\x00" + b"\xff" * 16,
    b"\xff\xd8\xff\xd9",
    b"\xff\xd8" + b"\xff\xe1\xff\xffExif\0\0" + b"\xff" * 65_000,
    b"\x89PNG\r\n\x1a\n",
    b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    b"#!/bin/sh\necho >mark\n",
)
NAMES = (
    *("a b", "a\nb", "\x1b[31m", "$x$", "$\\frac{1$", "^_{}$", "\u202eabc", "七", "é"),
    *("e\u0301", "\udcff\udcfe", "'", '"', "-", "--help", "-x", "%s%n", "{0}", "\\n"),
    *("\ufeff", "\u2028", "\x7f", "~", "*", "a" * 240, "七" * 80, ".", "..", " "),
)
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".PNG"),
    *(".ppm", ".eps", ".dds", ".svg", "", ".", ".tar.png"),
)
DEVICES = ("/dev/zero", "/dev/null", "/dev/full", "/dev/random", "/dev/stdin", "/dev")
FILES_OF_THE_SYSTEM = (
    "/proc/self/mem",
    "/proc/self/environ",
    "/proc/kmsg",
    "/sys",
    "/",
)


def prepare(models):
    """The TFLite file that is asked."""
    return models / "model.tflite"


def make(rng, folder, model):
    """Some pictures on a command line, in an order and with options by chance."""
    names, content = [], b""
    for _ in range(rng.randint(1, 5)):
        what = rng.random()
        if what < 0.08:
            names.append("-")
            content = some_content(rng)
        elif what < 0.2:
            names.append(some_folder(rng, folder))
        elif what < 0.26:
            names.append(rng.choice(("", "x" * 300, "/" * 5000, "no.png", "a/b.png")))
        elif what < 0.28:
            names.append(rng.choice(FILES_OF_THE_SYSTEM))
        else:
            names.append(some_file(rng, folder))
    arguments = ["predict", "--model", str(model)]
    leaves = []
    if rng.random() < 0.3:
        arguments.append("--json")
    if rng.random() < 0.2:
        arguments += ["--top", str(rng.choice((1, 5, 10, 11, 10**9)))]
    if rng.random() < 0.2:
        arguments.append(rng.choice(("--invert", "--no-invert", "--trust")))
    if rng.random() < 0.4:
        suffix = rng.choice((".png", ".png", ".svg", ".pdf", ".doc", ""))
        place = folder / rng.choice(("sheet", "new", "x" * 300)) / "sheet"
        leaves = [place.parent, Path(f"{place}{suffix}")]
        arguments += ["--figure", f"{place}{suffix}"]
    if rng.random() < 0.9:
        arguments.append("--")
    return [*arguments, *names], content, leaves


def some_folder(rng, folder):
    """A folder with pictures, pipes, links to itself, or nothing."""
    inner = Path(some_path(rng, folder, ""))
    try:
        inner.mkdir()
    except OSError:
        return str(inner)
    for _ in range(rng.randint(0, 4)):
        if rng.random() < 0.2:
            some_folder(rng, inner)
        else:
            some_file(rng, inner)
    if rng.random() < 0.3:
        (inner / "loop").symlink_to(inner)
    if rng.random() < 0.05:
        here = os.getcwd()
        os.chdir(inner)
        for _ in range(1500):
            os.mkdir("d")
            os.chdir("d")
        os.chdir(here)
    return str(inner)


def some_file(rng, folder):
    """A file in a folder, or what only looks like one."""
    path = some_path(rng, folder, rng.choice(SUFFIXES))
    try:
        what = rng.random()
        if what < 0.06:
            os.mkfifo(path)
        elif what < 0.09:
            os.symlink(path, path)
        elif what < 0.13:
            os.symlink(rng.choice((*DEVICES, *FILES_OF_THE_SYSTEM)), path)
        elif what < 0.15:
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(path)
        elif what < 0.17:
            os.mkdir(path)
        elif what < 0.19:
            with open(path, "xb") as file:
                file.truncate(rng.choice((2**20, 2**28 + 1, 2**40)))
        else:
            with open(path, "xb") as file:
                file.write(some_content(rng))
    except OSError:
        return path  # a name that cannot be, or a long one of a socket
    return path


def some_path(rng, folder, suffix):
    if rng.random() < 0.6:
        return str(folder / f"{rng.randrange(1000)}{suffix}")
    return f"{folder}/{rng.choice(NAMES)}{suffix}"


def some_content(rng):
    """The bytes of a picture, often with something wrong in them."""
    what = rng.random()
    if what < 0.15:
        return rng.choice(TEXTS)
    if what < 0.2:
        return rng.randbytes(rng.randint(1, 3000))
    if what < 0.25:
        return png_of(rng)
    content = picture(rng)
    if what < 0.45:
        return content
    if what < 0.6:
        return content[: rng.randrange(len(content) + 1)]
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 50))):
        # The beginning has what decides most.
        end = rng.choice((64, 1024, len(changed)))
        place = rng.randrange(min(end, len(changed)))
        if rng.random() < 0.6:
            changed[place] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
        elif rng.random() < 0.5:
            changed[place:place] = rng.randbytes(rng.choice((1, 4, 100)))
        else:
            del changed[place : place + rng.choice((1, 4, 100))]
        if not changed:
            break
    return bytes(changed)


def picture(rng):
    """A picture as one of Pillow's formats, whole."""
    format = rng.choice(list(MODES))
    mode = rng.choice(MODES[format])
    side = (1, 2, 3, 27, 28, 29, 64, 300)
    size = (rng.choice(side), rng.choice(side))
    if rng.random() < 0.05:
        size = rng.choice(((60_000, 1), (1, 60_000), (16_000, 2), (4000, 4000)))
    image = Image.effect_noise(size, 60)
    if mode in ("I;16", "I;16B", "I", "F"):
        image = image.convert("I").convert("I;16").convert("I")
        image = image.convert(mode) if mode != "F" else image.convert("F")
    else:
        path = ["RGB"] if mode in ("YCbCr", "LAB", "CMYK", "PA", "RGBA") else []
        for step in [*path, *(["P"] if mode == "PA" else []), mode]:
            image = convert(image, step)
    options = {}
    if format in ("GIF", "PNG", "TIFF", "WEBP") and rng.random() < 0.2:
        options = {"save_all": True, "append_images": [image] * rng.randint(1, 5)}
    if format in ("JPEG", "PNG", "WEBP", "TIFF") and rng.random() < 0.3:
        exif = Image.Exif()
        exif[0x0112] = rng.choice((0, 1, 3, 6, 8, 9, 65_535))
        exif[0x010E] = "x" * rng.choice((1, 1000, 60_000))
        options["exif"] = exif
    if format == "PNG" and rng.random() < 0.3:
        text = PngImagePlugin.PngInfo()
        text.add_text("a", "b" * rng.choice((10, 10**6)), zip=rng.random() < 0.5)
        options |= {"pnginfo": text}
    if format in ("PNG", "GIF") and mode in ("P", "L", "RGB") and rng.random() < 0.4:
        options["transparency"] = (0, 1, 2) if mode == "RGB" else rng.randrange(256)
        if mode == "P" and format == "PNG":
            options["transparency"] = rng.randbytes(rng.randrange(257))
    if format == "TIFF" and rng.random() < 0.6:
        options["compression"] = rng.choice(
            ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4", "zstd")
        )
    file = io.BytesIO()
    try:
        image.save(file, format, **options)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError):
        # Not every mode has every option.
        return b"not saved"
    return file.getvalue() or b"empty"


def convert(image, mode):
    if mode == "LAB":
        from PIL import ImageCms

        lab = ImageCms.buildTransform(
            ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
        )
        return ImageCms.applyTransform(image, lab)
    return image.convert(mode)


def png_of(rng):
    """A PNG file whose header says what its pixels do not keep."""
    width, height = (
        rng.choice((0, 1, 28, 5000, 10_001, 30_000, 2**31 - 1, 2**32 - 1))
        for _ in range(2)
    )
    depth, color = rng.choice(
        ((1, 0), (8, 0), (16, 0), (8, 2), (8, 3), (16, 6), (3, 7))
    )
    header = struct.pack(
        ">IIBBBBB", width, height, depth, color, 0, 0, rng.randrange(2)
    )
    rows = zlib.compress(bytes(rng.choice((0, 1000, 1_000_000))))
    odd = rng.choice((b"IDAT", b"zzZz", b"acTL", b"eXIf", b"iCCP"))
    chunks = [
        (b"IHDR", header),
        (b"PLTE", rng.randbytes(rng.randrange(800))),
        (odd, rng.randbytes(20)),
        (b"IDAT", rows),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
