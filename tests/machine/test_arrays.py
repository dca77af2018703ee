"""Arrays of numbers as NumPy writes them, and what only looks like them."""

import io

import numpy as np
import pytest

from kerascnn.machine.arrays import ArrayHeader, read_header, read_values


@pytest.mark.parametrize("dtype", ["?", "u1", "i1", "u2", "i4", "u8", "f2", "f4", "f8"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4), (1, 0, 2)])
def test_array_of_numbers_is_read_as_it_was_written(dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    file = io.BytesIO()
    np.save(file, array)
    file.seek(0)
    header = read_header(file)
    assert header == ArrayHeader(array.dtype.str, shape)
    assert header.size_bytes == array.nbytes
    found = read_values(file, header)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def header(text, magic=b"\x93NUMPY\x01\x00"):
    return io.BytesIO(magic + len(text).to_bytes(2, "little") + text.encode() + b"1234")


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }  \n"


@pytest.mark.parametrize(
    "file",
    [
        io.BytesIO(),
        io.BytesIO(b"no array"),
        header(GOOD, magic=b"\x93NUMPY\x03\x00"),
        header(GOOD[:20]),
        header(GOOD.replace("<f4", "|O")),
        header(GOOD.replace("<f4", ">f4")),
        header(GOOD.replace("<f4", "<f3")),
        header(GOOD.replace("'<f4'", "[('a', '<f4')]")),
        header(GOOD.replace("False", "True")),
        header(GOOD.replace("(1,)", "(-1,)")),
        header(GOOD.replace("(1,)", "(1_0,)")),
        header(GOOD.replace("(1,)", "9 ** 9 ** 9")),
        header(GOOD.replace("(1,)", f"({'9' * 50},)")),
        header("(" * 9000),
    ],
)
def test_what_is_no_array_of_numbers_is_a_value_error(file):
    with pytest.raises(ValueError, match=r"^it is no array of numbers as NumPy writes"):
        read_header(file)


@pytest.mark.parametrize("shape", ["(2,)", "()", "(0,)"])
def test_numbers_have_to_be_as_many_as_the_header_says(shape):
    file = header(GOOD.replace("(1,)", shape))
    found = read_header(file)
    if found.size_bytes == 4:
        assert read_values(file, found).shape == ()
        return
    with pytest.raises(ValueError, match="not as many as its header says"):
        read_values(file, found)
