"""Each kind of number is written one way."""

import pytest

from kerascnn.machine.numbers import (
    format_accuracy,
    format_count,
    format_counted,
    format_loss,
    format_megabytes,
    format_points,
    format_rate,
    format_seconds,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (60, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (3599.6, "1 h 00 min"),
        (7620, "2 h 07 min"),
    ],
)
def test_times_read_as_people_write_them(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.9923, "99.23%"), (1, "100.00%"), (0, "0.00%"), (-0.00001, "0.00%")],
)
def test_accuracies_have_two_decimals_and_no_blank(share, text):
    assert format_accuracy(share) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.00123, "+0.12"), (-0.5, "-50.00"), (-0.00001, "+0.00"), (None, "-")],
)
def test_differences_have_a_sign_and_are_in_points(share, text):
    assert format_points(share) == text


def test_other_numbers():
    assert format_loss(0.03125) == "0.0312"
    assert format_loss(2.5e33) == "2.5e+33"
    assert format_count(15_470_264_320) == "15,470,264,320"
    assert format_count(1234.5) == "1,234"
    assert format_rate(1.0) == "1"
    assert format_rate(0.01) == "0.01"
    assert format_rate(0.0003) == "0.0003"
    assert format_rate(9.486833e-5) == "0.00009487"
    assert format_megabytes(250_400) == "0.25"
    assert format_megabytes(1_234_567_890, decimals=0) == "1,235"


def test_one_of_them_is_one():
    assert format_counted(1, "file", "files") == "1 file"
    assert format_counted(0, "file", "files") == "0 files"
    assert format_counted(2000, "file", "files") == "2,000 files"
