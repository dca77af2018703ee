"""HTML pages from templates: one file each, which opens offline and shows any name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from kerascnn.machine.numbers import format_count
from kerascnn.machine.text import printable


def render_page(package: str, template: str, context: Mapping[str, Any]) -> str:
    """Fill in a template, in which every text is escaped.

    Args:
        package: The package with the folder `templates`; it may include `page.css`,
            the style that pages share.
        template: The name of the file.
        context: Plain values by name; a `Markup` is taken as it is.
    """
    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader(package), PackageLoader("kerascnn.machine")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # A name may have signs that turn what follows, or bytes that are not UTF-8.
        finalize=_seen,
    )
    environment.filters["count"] = format_count
    return environment.get_template(template).render(context)


def _seen(value: Any) -> Any:
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return printable(value) if is_text else value
