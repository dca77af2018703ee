"""What the tests of commands share."""

import pytest


@pytest.fixture(autouse=True)
def no_width(monkeypatch):
    """No width of a terminal, whatever the tests run in."""
    monkeypatch.delenv("COLUMNS", raising=False)
