"""Runs kerascnn on hostile inputs, and prints the command that repeats a failure.

    python -W error tests/hostile/run.py [KIND ...] [--cases N] [--seed S] [--only I]

A kind is a module beside this one with two functions. `prepare(models)` makes what its
cases share of a folder of good models. `make(rng, folder, shared)` makes a case in an
empty folder: arguments, what standard input holds, and files that it may write. Where
there is one, `check(folder, arguments, code, shared)` gives what else is wrong.

Every case has to end in time, with exit code 0, 1 or 2, and one line for each thing
that is wrong; nothing else may be printed, left behind or started.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import random
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

KINDS = (
    *("pictures", "saved_models", "export_reports", "checkpoints", "model_files"),
    *("settings", "command_line"),
)
LIMIT_S = 120
MAX_MEMORY = 6 * 2**30
# Say on standard error how they get on.
REPORTING = ("train", "export", "benchmark")
# What else is said there: of columns, a broken run in a list, the run that is taken.
NOTES = ("Not shown in ", "run: Cannot read ", "Model: ")
# Parts of the command lines of processes that kerascnn starts, and of our own.
MEANT = (
    *("worker.py", "kerascnn.exporting.conversion", "/bin/rm"),
    *("rev-parse", "--porcelain", "uname"),  # for environment.json
)
# Whatever looks for one of these on the path finds ours, which leave a mark.
PROGRAMS = ("gs", "gswin64c", "convert", "magick", "sh", "xv", "display", "djpeg")


class Hang(BaseException):
    """A case took too long; no `except` on its way may stop this."""


def main() -> int:
    """Run the cases of the command line; the exit code is 1 where one failed."""
    root = Path(tempfile.mkdtemp())
    # As in setup.cfg: Keras 3.15 reads variables so.
    warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
    try:
        return run_all(root)
    finally:
        remove(root)


def run_all(root: Path) -> int:
    """Run them in a folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--cases", type=int, default=10, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one case")
    parser.add_argument("--models", type=Path, help="what `export_models` writes")
    options = parser.parse_args()
    failures = 0
    sys.path.insert(0, str(Path(__file__).parent))
    models = options.models or export_models(root / "models")
    marks = fake_programs(root / "bin")
    started = watch_programs()
    for kind in options.kinds or KINDS:
        module = importlib.import_module(kind)
        shared = module.prepare(models)
        numbers = range(options.cases) if options.only is None else [options.only]
        codes: Counter[int | None] = Counter()
        for number in numbers:
            rng = random.Random(f"{kind} {options.seed} {number}")
            place = root / "case"
            place.mkdir()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                arguments, content, leaves = module.make(rng, place, shared)
            marks.unlink(missing_ok=True)
            started.clear()
            allowed = everything(place) | set(map(str, leaves))
            temporary = root / "temporary"
            temporary.mkdir()
            code, wrong = run(arguments, content, temporary)
            if hasattr(module, "check"):
                wrong += module.check(place, arguments, code, shared)
            remove(temporary)
            codes[code] += 1
            left = everything(place) - allowed
            wrong += [f"it left {path}" for path in sorted(left)[:5]]
            if marks.exists():
                wrong.append(f"it started {marks.read_text().split()}")
            wrong += [f"it started {name}" for name in started]
            if wrong:
                failures += 1
                again = f"{kind} --seed {options.seed} --only {number}"
                print(f"FAILED: python -W error {sys.argv[0]} {again}")
                print("  kerascnn", shlex.join(arguments))
                print(*(f"  {text}" for text in wrong), sep="\n", flush=True)
            remove(place)
        ends = ", ".join(f"{number} with {code}" for code, number in codes.items())
        print(f"{kind}: seed {options.seed}: exit codes: {ends}", flush=True)
    return 1 if failures else 0


def run(
    arguments: list[str], content: bytes, temporary: Path
) -> tuple[int | None, list[str]]:
    """Run a case in this process; its exit code, and what is wrong with it."""
    from click.testing import CliRunner

    from kerascnn.cli import main as kerascnn

    tempfile.tempdir = str(temporary)
    begun = time.monotonic()
    try:
        with limited(LIMIT_S), native_words() as words:
            result = CliRunner().invoke(kerascnn, arguments, input=content)
    except Hang:
        return None, [f"it took more than {LIMIT_S} s"]
    finally:
        tempfile.tempdir = None
    wrong = list(problems(arguments, result))
    if words():
        wrong.append(f"native code wrote {words()[:300]!r}")
    wrong += [f"it left {path}" for path in sorted(everything(temporary))[:5]]
    if memory() > MAX_MEMORY:
        wrong.append(f"it took {memory() / 2**30:.1f} GB")
    if wrong:
        wrong.append(f"after {time.monotonic() - begun:.1f} s")
    return result.exit_code, wrong


def problems(arguments, result):
    """What is wrong with the exit code and with what was printed."""
    if result.exception and not isinstance(result.exception, SystemExit):
        trace = traceback.format_exception(result.exception)
        yield from "".join(trace[-4:]).splitlines()
        return
    if result.exit_code not in (0, 1, 2):
        yield f"exit code {result.exit_code}"
    lines = result.stderr.splitlines()
    lines = [line for line in lines if not line.startswith(NOTES)]
    if arguments[0] in REPORTING:
        lines = [line for line in lines if line.startswith("Error: ")]
    if (result.exit_code == 0) != (not lines):
        yield f"exit code {result.exit_code} with {len(lines)} lines"
    if lines and not lines[-1].startswith("Error: "):
        yield f"the last line is {lines[-1]!r}"
    for line in (result.stderr + result.stdout).split("\n"):
        if not line.isprintable():
            yield f"it printed {line!r}"
    for line in lines[:-1]:
        if not line.startswith("Cannot read "):
            yield f"besides the error it says {line!r}"
    if "--json" in arguments and result.stdout:
        try:
            json.loads(result.stdout)
        except ValueError as error:
            yield f"no JSON: {error}"


@contextlib.contextmanager
def limited(seconds):
    """Raise `Hang` after so many seconds."""

    def stop(number, frame):
        raise Hang

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


@contextlib.contextmanager
def native_words():
    """Catch what goes to standard error past Python; a function that gives it."""
    with tempfile.TemporaryFile(dir="/tmp") as file:
        stderr = os.dup(2)
        os.dup2(file.fileno(), 2)

        def words():
            file.seek(0)
            return file.read()

        text = b""
        try:
            yield lambda: text
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            text = words()


def everything(folder: Path) -> set[str]:
    """All files and folders in a folder, deeper than `os.walk` can."""
    found: set[str] = set()
    folders = [str(folder)]
    while folders:
        for entry in os.scandir(folders.pop()):
            found.add(entry.path)
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
    return found


def memory() -> int:
    """The most bytes that this process or one that it waited for has held."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in whose) * 1024


def remove(folder: Path) -> None:
    """Remove a folder, deeper than Python can."""
    subprocess.run(["/bin/rm", "-rf", "--", str(folder)], check=True)


def fake_programs(folder: Path) -> Path:
    """Put programs first on the path that leave a mark; where it would be."""
    folder.mkdir()
    mark = folder / "mark"
    for name in PROGRAMS:
        path = folder / name
        path.write_text(f"#!/bin/sh\necho {name} >>{shlex.quote(str(mark))}\n")
        path.chmod(0o755)
    os.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    return mark


def watch_programs() -> list[str]:
    """A list of the programs that are started from now on, save runtimes."""
    started: list[str] = []

    def audit(event, arguments):
        if event in ("os.system", "os.exec", "os.spawn"):
            started.append(f"{event} {arguments[0]!r}")
        # From Python 3.13 on, the one does the other.
        elif event in ("subprocess.Popen", "os.posix_spawn"):
            line = [os.fsdecode(word) for word in arguments[1]]
            if (
                not any(word.endswith(MEANT) for word in line)
                and str(line) not in started
            ):
                started.append(str(line))

    sys.addaudithook(audit)
    return started


def export_models(folder: Path) -> Path:
    """A LeNet after a few steps and its exports, by another process.

    `run` is its run; beside it are `saved_model`, `model.tflite` and `export.json`.
    """
    code = """if True:
        import sys
        import kerascnn

        few = {"epochs": 1, "limit": 640, "validation_fraction": 0.1, "test": False}
        run = kerascnn.train("lenet", out=sys.argv[1], name="run", **few)
        kerascnn.export(run, limit=100)
        """
    folder.mkdir(parents=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, **quiet)
    export = folder / "run" / "export"
    for path in export.iterdir():
        path.rename(folder / path.name)
    export.rmdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
