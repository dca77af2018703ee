"""Pages escape every text, and share a style."""

from markupsafe import Markup

from kerascnn.machine.pages import render_page


def test_texts_are_escaped_and_one_style_is_inside(tmp_path, monkeypatch):
    package = tmp_path / "a_package"
    (package / "templates").mkdir(parents=True)
    (package / "__init__.py").touch()
    template = (
        '<style>{% include "page.css" %}</style>{{ a }}|{{ b }}|{{ 12345|count }}'
    )
    (package / "templates" / "page.html").write_text(template)
    monkeypatch.syspath_prepend(tmp_path)
    text = render_page(
        "a_package", "page.html", {"a": "<b>\u202e\udcff", "b": Markup("<i>")}
    )
    assert text.endswith(r"</style>&lt;b&gt;\u202e\xff|<i>|12,345")
    assert "prefers-color-scheme: dark" in text
