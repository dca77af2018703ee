"""Command lines that are nearly right: every command, each with something wrong."""

from __future__ import annotations

import os
import sys

from kerascnn.cli import COMMANDS, main

# No number that is asked for can be one of these.
NUMBERS = (
    *("", " ", "x", "nan", "NaN", "inf", "-inf", "-1", "-0.5", "1e400", "0x10", "1,5"),
    *("1e12", str(10**12), str(10**19), str(10**400), "9" * 5000, "[", "٣x", "\0"),
    *("1" + "0" * 10**5, "--", "None", "true", "1 2", "½", "\udcff", "1e-", "+-1"),
)
WORDS = (
    *(
        "",
        " ",
        "   ",
        "x",
        "\n",
        "a\nb",
        "\x1b[31m",
        "\udcff\udcfe",
        "a\0b",
        "七",
        "$\\x$",
    ),
    *("x" * 300, "x" * 10**5, "../..", "/dev/zero", "/", "{}", "%s", "'", "--", "-"),
    *("lenett", "lennet", "adma", "mnits", "tflit", "123", "[1]", "lenet ", "le net"),
)
# A run may be called so.
NAMES = {
    *(
        "x",
        "七",
        "$\\x$",
        "{}",
        "%s",
        "'",
        "lenett",
        "lennet",
        "adma",
        "mnits",
        "tflit",
    ),
    *("123", "[1]", "le net"),
}
PAIRS = (
    *("", "=", "x", "=1", "x=1", "alpha", "alpha=", "alpha=x", "alpha=nan", "a=b=c"),
    *("alpha=1e999", "alpha=[1]", "alpha=" + "[" * 10**5, "alpha={}", "beta_1=2"),
    *("alpha=" + "9" * 5000, "weight_decay=-1", "clipnorm=0", "\n=1", "\udcff=1"),
    *("momentum=1", "nesterov=2", "epsilon=0", "alpha=100", "alpha=true", "stem=1"),
)
OPTIONS = (
    *("--lr", "--learningrate", "--bs", "--batch", "--epoch", "--optim", "--data"),
    *(
        "--size",
        "--x",
        "--" + "x" * 10**5,
        "-x",
        "--\n",
        "--\udcff",
        "--=",
        "---",
        "-é",
    ),
    *("--Json", "--no-json", "--no-out", "--help=1", "--version", "--seed_", "--0"),
)
GOOD_NUMBERS = ("1", "2", "3")

# They have most of the options.
HALF_OF_ALL = (*["train"] * 8, "compare", "benchmark", "export")


def prepare(models):
    """The commands, and the heavy modules that are imported by now."""
    commands = {name: main.get_command(None, name) for name in COMMANDS}
    return commands, heavy()


def heavy():
    return {"tensorflow", "keras", "matplotlib"} & set(sys.modules)


def make(rng, folder, shared):
    """A command line with some options that are right, and something that is not."""
    commands, _ = shared
    (folder / "file").write_text("x")
    os.mkfifo(folder / "pipe")
    name = rng.choice([*commands, *HALF_OF_ALL])
    options = [p for p in commands[name].params if p.param_type_name == "option"]
    rng.shuffle(options)
    # The last of two values of an option wins, so that each option is named once.
    some, others = options[: rng.randint(0, 3)], options[3:] or options
    line = [right(rng, folder, option) for option in some if option not in others]
    kinds = [*[wrong_value] * 8, wrong_option, flag]
    wrong = rng.choice(kinds)(rng, folder, others)
    line.insert(rng.randint(0, len(line)), wrong)
    words = [word for part in line for word in part]
    if not any(word.startswith("--out") for word in words):
        words = ["--out", str(folder / "new"), *words] if has(options, "out") else words
    words = [*positional(rng, name), *words]
    return [name, *words], b"", []


def check(folder, arguments, code, shared):
    """What is wrong with a case besides what is printed: it has to be refused early."""
    if code == 0:
        yield "it was taken"
    imported = heavy() - shared[1]
    if imported:
        yield f"it imported {', '.join(sorted(imported))}"
        shared[1].update(imported)


def has(options, name):
    return any(option.name == name for option in options)


def positional(rng, command):
    """Arguments that the command takes, or some that it does not."""
    if rng.random() < 0.1:
        return [rng.choice(WORDS)]
    good = {
        "train": ["lenet"],
        "compare": ["lenet", "resnet18"],
        "predict": ["a.png"],
        "evaluate": rng.choice(([], ["no-run"], ["model.tflite"])),
        "benchmark": rng.choice(([], ["no-run"])),
        "export": rng.choice(([], ["no-run"])),
    }
    return good.get(command, [])


def right(rng, folder, option):
    """An option with a value that it may have."""
    if option.is_flag:
        return [rng.choice([*option.opts, *option.secondary_opts])]
    choices = getattr(option.type, "choices", None)
    if choices:
        return [option.opts[0], rng.choice(list(choices))]
    if is_number(option):
        return [option.opts[0], rng.choice(GOOD_NUMBERS)]
    values = {
        "optimizer_options": "weight_decay=0.1",
        "model_options": "alpha=0.5",
        "figure": str(folder / "new" / "figure.png"),
    }
    return [option.opts[0], values.get(option.name, str(folder / "new"))]


def wrong_value(rng, folder, options):
    """An option with a value that it cannot have."""
    option = rng.choice([option for option in options if not option.is_flag] or options)
    if option.is_flag:
        return flag(rng, folder, options)
    places = ("file", "pipe", "file/x", "x" * 300, "/dev/full", "/dev/null/x", "\0", "")
    if is_number(option):
        values = NUMBERS
    elif option.name in ("optimizer_options", "model_options"):
        values = PAIRS
    elif option.name in ("out", "to", "figures"):
        values = [
            str(folder / place) if place[:1] != "/" else place for place in places
        ]
        values = [*values, "", "\0"]
    elif option.name == "figure":
        values = [*WORDS, *(str(folder / f"{place}.png") for place in ("file/x", "\0"))]
    else:
        taken = NAMES if option.name == "name" else ()
        values = [word for word in WORDS if word not in taken]
    value = rng.choice(values)
    # A folder that could be made is no mistake; together with one it is.
    safe = ["--no-such-option"] if option.name in ("out", "to", "figures") else []
    if rng.random() < 0.3:
        return [f"{option.opts[0]}={value}", *safe]
    return [option.opts[0], value, *safe]


def wrong_option(rng, folder, options):
    """An option that there is not, by a name that may be near to one."""
    name = rng.choice(OPTIONS)
    if rng.random() < 0.5:
        name = f"{rng.choice(options).opts[0]}{rng.choice('xs_-')}"
    return rng.choice(([name], [name, "1"], [f"{name}=1"]))


def flag(rng, folder, options):
    """A switch with a value."""
    flags = [option for option in options if option.is_flag]
    if not flags:
        return wrong_option(rng, folder, options)
    return [f"{rng.choice(flags).opts[0]}={rng.choice(WORDS)}"]


def is_number(option):
    return option.type.name in ("integer", "float")
