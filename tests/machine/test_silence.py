"""What native code writes to standard error, and what comes through."""

import os

import pytest

from kerascnn.machine.silence import silent_stderr


def test_nothing_comes_through_but_errors(capfd):
    with silent_stderr():
        os.write(2, b"native words")
    with pytest.raises(ValueError, match="so it is"), silent_stderr():
        raise ValueError("so it is")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_closed_standard_error_stays_closed(run_python):
    code = """if True:
        import os
        from kerascnn.machine.silence import silent_stderr
        os.close(2)
        with silent_stderr():
            print("inside")
        try:
            os.fstat(2)
        except OSError:
            print("closed")
        """
    assert run_python("-c", code).stdout == "inside\nclosed\n"
