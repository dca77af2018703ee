"""The page of the Python API, from the signatures and docstrings of its names.

docs/api.md calls it through cog: `make fix` writes the page anew, `make check` and a
test compare.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from os import PathLike, fspath
from typing import Any

import kerascnn


def api_page() -> str:
    """The page in Markdown, without its heading."""
    named = {name: getattr(kerascnn, name) for name in kerascnn.__all__}
    errors = [v for v in named.values() if _is_error(v)]
    parts = {
        "Calls": [v for v in named.values() if inspect.isfunction(v)],
        "Tables": [v for v in named.items() if isinstance(v[1], type(kerascnn.MODELS))],
        "What they take and return": [
            v for v in named.values() if inspect.isclass(v) and not _is_error(v)
        ],
    }
    lines = []
    for heading, values in parts.items():
        lines += [f"## {heading}", ""]
        for value in values:
            lines += [*_entry(value), ""]
    lines += ["## Errors", "", *(_error(error) for error in errors)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _is_error(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, kerascnn.KerasCNNError)


def _error(error: type) -> str:
    bases = ", ".join(f"`{base.__name__}`" for base in error.__bases__)
    return f"- `{error.__name__}` ({bases}): {_summary(error)}"


def _entry(value: Any) -> Iterator[str]:
    """The lines of one name."""
    if isinstance(value, tuple):
        name, table = value
        yield from (f"### {name}", "")
        for row in table.values():
            yield f"- `{row.name}`: {row.summary}"
        return
    yield from (f"### {value.__name__}", "", "```python")
    if inspect.isfunction(value):
        yield from _signature(value)
    else:
        yield from _fields(value)
    yield from ("```", "", *_described(value))
    if inspect.isclass(value):
        yield from _members(value)


def _signature(function: Any) -> Iterator[str]:
    signature = inspect.signature(function)
    yield f"{function.__name__}("
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}
    only_keywords = False
    for parameter in signature.parameters.values():
        kind = parameter.kind.name
        if kind == "KEYWORD_ONLY" and not only_keywords:
            yield "    *,"
        only_keywords |= kind in {"KEYWORD_ONLY", "VAR_POSITIONAL"}
        text = f"    {stars.get(kind, '')}{parameter.name}: {parameter.annotation}"
        yield text + _default(parameter.default, inspect.Parameter.empty) + ","
    yield f") -> {signature.return_annotation}"


def _fields(kind: type) -> Iterator[str]:
    """The fields of a record, or how an object is made."""
    if not is_dataclass(kind):
        parameters = list(inspect.signature(kind).parameters.values())
        text = ", ".join(
            f"{p.name}: {p.annotation}{_default(p.default, inspect.Parameter.empty)}"
            for p in parameters
        )
        yield f"{kind.__name__}({text})"
        return
    yield f"class {kind.__name__}:"
    for field in fields(kind):
        yield f"    {field.name}: {field.type}{_default(field.default, MISSING)}"


def _default(value: Any, missing: Any) -> str:
    if value is missing:
        return ""
    text = repr(fspath(value) if isinstance(value, PathLike) else value)
    return " = " + text.replace("'", '"')  # as the formatter has it


def _described(value: Any) -> Iterator[str]:
    """A docstring in Markdown: prose, and its sections as lists."""
    prose, sections = _parted(value)
    yield from (*prose, "")
    inherited = {}
    for base in reversed(inspect.getmro(value) if inspect.isclass(value) else ()):
        if base.__module__.startswith("kerascnn"):
            inherited |= _parted(base)[1].get("Attributes", {})
    if inherited:
        sections.pop("Attributes", None)
        sections = {"Attributes": inherited, **sections}
    for title, rows in sections.items():
        yield from (f"{title}:", "")
        if title == "Example":
            yield from ("```pycon", *rows, "```")
        else:
            yield from (f"- `{n}`: {t}" if n else t for n, t in _rows(title, rows))
        yield ""


def _rows(title: str, rows: Any) -> Iterator[tuple[str, str]]:
    if title == "Returns":
        yield "", " ".join(line.strip() for line in rows)
    else:
        yield from rows.items()


def _parted(value: Any) -> tuple[list[str], dict[str, Any]]:
    """The prose of a docstring, and its sections: lines, or texts by name."""
    sections: dict[str, list[str]] = {"": []}
    lines = sections[""]
    for line in (inspect.cleandoc(value.__doc__ or "")).splitlines():
        if re.fullmatch(r"(Args|Attributes|Returns|Raises|Example):", line):
            lines = sections.setdefault(line[:-1], [])
        else:
            lines.append(line)
    prose = "\n".join(sections.pop("")).strip().splitlines()
    parted: dict[str, Any] = {}
    for title, body in sections.items():
        text = inspect.cleandoc("\n" + "\n".join(body))
        parted[title] = text.splitlines()
        if title in {"Args", "Attributes", "Raises"}:
            found = re.findall(r"^(\*{0,2}\w+): (.*(?:\n[ ]+.*)*)", text, re.M)
            parted[title] = {name: " ".join(rest.split()) for name, rest in found}
    return prose, parted


def _members(kind: type) -> Iterator[str]:
    """What an object has besides its fields."""
    names = {field.name for field in fields(kind)} if is_dataclass(kind) else set()
    rows = []
    for name, member in vars(kind).items():
        if name.startswith("_") or name in names:
            continue
        call = "" if isinstance(member, property) else "()"
        if isinstance(member, property) or inspect.isfunction(member):
            rows.append(f"- `{name}{call}`: {_summary(member)}")
    if rows:
        yield from ("Properties and methods:", "", *rows)


def _summary(value: Any) -> str:
    return inspect.cleandoc(value.__doc__ or "").partition("\n")[0]
