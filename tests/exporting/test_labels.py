"""The names of the classes, one a line whatever they are."""

from kerascnn.exporting.labels import label_lines


def test_names_are_in_their_order_and_as_they_are():
    names = ("b", "a", "T-shirt/top", "ねこ", "می‌خواهم", "")
    assert label_lines(names) == "b\na\nT-shirt/top\nねこ\nمی‌خواهم\n\n"


def test_no_name_shifts_those_after_it():
    names = ("two\nlines", "\r\n", "a\u2028b\x85c\x0bd", "end")
    assert label_lines(names) == "two lines\n  \na b c d\nend\n"
    assert len(label_lines(names).splitlines()) == len(names)


def test_bytes_that_are_not_utf_8_are_escaped():
    assert label_lines(("a\udcff",)).encode() == b"a\\xff\n"


def test_codes_of_terminals_are_escaped():
    names = ("\x1b[31mred", "a\tb", "\x00\x7f")
    assert label_lines(names) == "\\x1b[31mred\na\\tb\n\\x00\\x7f\n"
