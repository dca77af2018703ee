"""Numbers as people read them, one way for each kind; JSON has them as they are."""

from __future__ import annotations

from decimal import Decimal


def format_accuracy(share: float | None) -> str:
    """Write an accuracy, or another share of images, given in `[0, 1]`: `99.23%`.

    One that was not measured is a dash.
    """
    if share is None:
        return "-"
    return f"{round(share, 4) + 0.0:.2%}"  # which takes the sign from a zero


def format_points(share: float | None) -> str:
    """Write a difference of accuracies in percentage points: `+0.05`, or a dash."""
    if share is None:
        return "-"
    return f"{round(100 * share, 2) + 0.0:+.2f}"


def format_loss(loss: float) -> str:
    """Write a loss: `0.0312`, or `2.5e+33` on its way to infinity."""
    return f"{loss:.4f}" if abs(loss) < 1e5 else f"{loss:.3g}"


def format_count(count: float) -> str:
    """Write how many there are: `61,706`."""
    return f"{count:,.0f}"


def format_counted(count: int, one: str, several: str) -> str:
    """Write how many there are of what: `1 file`, `2,000 files`."""
    return f"{format_count(count)} {one if count == 1 else several}"


def format_rate(rate: float) -> str:
    """Write a learning rate in up to four digits, without an exponent: `0.00009487`."""
    return f"{Decimal(f'{rate:.4g}'):f}"


def format_megabytes(num_bytes: float, decimals: int = 2) -> str:
    """Write bytes as the number of megabytes, of a million each: `0.25`."""
    return f"{num_bytes / 1e6:,.{decimals}f}"


def format_seconds(seconds: float) -> str:
    """Write a time as people do: `4.2 s`, `3 min 05 s`, `2 h 07 min`."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
