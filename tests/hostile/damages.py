"""Damages to documents, files and zip archives, which several kinds share."""

from __future__ import annotations

import os
import struct
import zipfile

# Larger files are left as they are.
MAX_BYTES = 10**8


def change(rng, document, values):
    """Change, remove or add something, at any depth."""
    parent = document
    while True:
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(parent[key], dict | list) and rng.random() < 0.7:
            parent = parent[key]
            continue
        break
    kind = rng.randrange(4)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[str(rng.choice(values))] = parent.pop(key)
    else:
        parent[key] = rng.choice(values)


def damage(rng, path):
    """Change the bytes of a file, most often where it begins."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_BYTES:
        return
    changed = bytearray(path.read_bytes())
    kind = rng.randrange(5)
    if kind == 0:
        changed = changed[: rng.randrange(len(changed) + 1)]
    elif kind == 1:
        changed = bytearray(rng.randbytes(rng.randrange(1000)))
    elif kind == 2:
        start = rng.randrange(len(changed) + 1)
        changed[start : start + 200] = bytes(200)
    else:
        end = rng.choice((300, len(changed)))
        for _ in range(rng.choice((1, 3, 100))):
            if changed:
                place = rng.randrange(min(end, len(changed)))
                changed[place] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
    path.write_bytes(changed)


def replace_file(rng, path):
    """Put what is no file, or none that can be, in the place of one, or nothing."""
    if path.is_dir() and not path.is_symlink():
        return
    path.unlink(missing_ok=True)
    kind = rng.randrange(6)
    if kind == 0:
        os.mkfifo(path)
    elif kind == 1:
        path.symlink_to(rng.choice(("/dev/zero", "/dev/full", "/dev/stdin", "/", path)))
    elif kind == 2:
        path.mkdir()
    elif kind == 3:
        with open(path, "xb") as file:
            file.truncate(rng.choice((10**6, 2**40)))
    elif kind == 4:
        path.write_text(rng.choice(("", "{}", "[", "[" * 10**6, "\0", "x" * 10**6)))


def damage_headers(rng, path):
    """Change a field in a header of a member."""
    changed = bytearray(path.read_bytes())
    mark, fields = rng.choice(
        (
            (b"PK\x01\x02", (6, 8, 10, 12, 16, 20, 24, 28, 30, 32, 34, 38, 42)),
            (b"PK\x03\x04", (4, 6, 8, 10, 14, 18, 22, 26, 28)),
            (b"PK\x05\x06", (4, 6, 8, 10, 12, 16, 20)),
        )
    )
    places = [i for i in range(len(changed)) if changed.startswith(mark, i)]
    if places:
        place = rng.choice(places) + rng.choice(fields)
        value = rng.choice((0, 1, 9, 12, 99, 0xFFFF, rng.randrange(2**16)))
        changed[place : place + 2] = struct.pack("<H", value)
    path.write_bytes(changed)


def read_members(path):
    """The members of a zip archive; `None` where an earlier change left none."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_BYTES:
        return None
    try:
        with zipfile.ZipFile(path) as file:
            if sum(member.file_size for member in file.infolist()) > MAX_BYTES:
                return None
            return {name: file.read(name) for name in file.namelist()}
    except Exception:  # whatever it was, it is hostile enough
        return None


def write_members(path, members, method=zipfile.ZIP_STORED):
    """Write a zip archive."""
    with zipfile.ZipFile(path, "w", method) as file:
        for name, member in members.items():
            file.writestr(name, member)
