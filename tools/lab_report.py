"""What docs/lab-report.md and its Chinese twin take from the code and from the results.

cog calls `structure`, `table_1` and `figures`: `make fix` writes the pages anew, `make
check` compares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerascnn.comparison.folder import ComparisonFolder
from kerascnn.machine.numbers import format_accuracy
from kerascnn.machine.tensorflow import load_tensorflow
from kerascnn.models import MODELS
from tools import networks_page
from tools.answer import CLAIM, ROOT, TITLES, read_results

# The networks in the order of the report, which has two figures of each.
NETWORKS = ("lenet", "alexnet", "resnet18", "mobilenet", "vgg16")
ENGLISH, CHINESE = "en", "zh"

WORDS: Mapping[str, Mapping[str, str]] = {
    ENGLISH: {
        "figure": "Figure {number}, {title} with {optimizer}",
        "shows": (
            "{count} runs, {passing}: {low} to {high} of the test images, {mean} in "
            "the mean; {course}."
        ),
        "all": "all above 90%",
        "some": "{count} of them above 90%",
        "course": "{first} of the validation images after the first epoch, {last} "
        "after the last",
        "single": "{last} of the validation images after the one epoch",
        "none": "None of its runs finished.",
        "left out": "{title} was planned and is left out: {reason}",
        "waiting": "The figures are drawn of [the claim's runs]({runs}), which are "
        "under way. Until then these lines train at the recipe's rate.",
        "table 1": "| type / stride | filters | input | here |",
        "slip": "stride **1**: the next row has 7x7 maps, too",
        "times": "5 times: ",
        "pool": "mean of each 7x7 map",
        "dense": "dense",
    },
    CHINESE: {
        "figure": "图 {number}：{title} + {optimizer}",
        "shows": (
            "{count} 次训练，{passing}：测试集准确率 {low} 至 {high}，平均 {mean}；"
            "{course}。"
        ),
        "all": "全部超过 90%",
        "some": "其中 {count} 次超过 90%",
        "course": "验证集准确率在第一个 epoch 后为 {first}，最后为 {last}",
        "single": "一个 epoch 后验证集准确率为 {last}",
        "none": "没有一次训练完成。",
        "left out": "{title} 原在计划之内，但被略去：{reason}",
        "waiting": "图将由[正在进行的训练]({runs})画出。在此之前，"
        "上面的命令使用默认配方的学习率。",
        "table 1": "| 类型 / 步幅 | 滤波器 | 输入 | 这里 |",
        "slip": "步幅为 **1**：下一行的输入仍是 7x7",
        "times": "5 次：",
        "pool": "每个 7x7 特征图取平均",
        "dense": "全连接",
    },
}
# The words of the tables of docs/networks.md, the longer ones first.
IN_CHINESE = {
    r"\| block \| layers \| output \| parameters \|": "| 块 | 层 | 输出 | 参数 |",
    r"(\d+) times ": r"\1 个 ",
    "mean of each map": "每个特征图取平均",
    "max pooling": "最大池化",
    "shortcut convolution": "捷径卷积",
    "convolution": "卷积",
    "separable": "深度可分离卷积",
    "stride": "步幅",
    "flatten": "展平",
    r"\| dense": "| 全连接",
    r"\| dropout (?=0)": "| dropout ",
    r"; add\b": "；相加",
    r"(\w) to (\w)": r"\1 至 \2",
    " each": "（每块）",
}


def structure(name: str, language: str = ENGLISH) -> str:
    """The table of a network's blocks, as its recipe has it for MNIST."""
    table = networks_page.structure(name)
    for words, chinese in IN_CHINESE.items() if language == CHINESE else ():
        table = re.sub(words, chinese, table)
    return table


def table_1(language: str = ENGLISH) -> str:
    """Table 1 of MobileNet's paper as printed, and what is built instead."""
    load_tensorflow()
    from kerascnn.models.mobilenet import BLOCKS, STEM_FILTERS

    say = WORDS[language]
    lines = [
        say["table 1"],
        "| --- | --- | --- | --- |",
        f"| Conv / s2 | 3x3x3x{STEM_FILTERS} | 224x224x3 | |",
    ]
    side, channels = 112, STEM_FILTERS
    printed = [*BLOCKS]
    # The slip, as it is printed.
    printed[-1] = (printed[-1][0], 2)
    rows: list[str] = []
    for (filters, strides), (_, as_printed) in zip(BLOCKS, printed, strict=True):
        here = "" if strides == as_printed else say["slip"]
        depthwise = (
            f"Conv dw / s{as_printed} | 3x3x{channels} dw | {side}x{side}x{channels}"
        )
        side //= strides
        pointwise = f"Conv / s1 | 1x1x{channels}x{filters} | {side}x{side}x{channels}"
        rows.append(f"| {depthwise} | {here} |\n| {pointwise} | |")
        channels = filters
    # Five blocks of the same are two rows with their number.
    repeated = rows[6]
    first = rows.index(repeated)
    lines += [
        *rows[:first],
        repeated.replace("| Conv", f"| {say['times']}Conv"),
        *rows[first + 5 :],
        f"| Avg Pool / s1 | Pool {side}x{side} | {side}x{side}x{channels} | "
        f"{say['pool']} |",
        f"| FC / s1 | {channels}x1000 | 1x1x{channels} | {say['dense']} |",
        "| Softmax / s1 | Classifier | 1x1x1000 | |",
    ]
    return "\n".join(lines)


def figures(name: str, language: str = ENGLISH, root: Path = ROOT) -> str:
    """The report's two figures of a network: commands, pictures, and what they show."""
    say, results = WORDS[language], read_results(root)
    networks = results["networks"] if results else []
    network = next((row for row in networks if row["model"] == name), None)
    protocol = ComparisonFolder(root / CLAIM).protocol
    epochs = protocol.networks[name].budget.epochs
    commands, shown = [], []
    for index, optimizer in enumerate(TITLES):
        number = 2 * NETWORKS.index(name) + index + 1
        found = network["optimizers"][index] if network else None
        words = f"kerascnn train {name} --optimizer {optimizer}"
        if found:
            words += f" --learning-rate {found['learning_rate']:g}"
        words += f" --schedule constant --epochs {epochs}"
        commands.append(f"{words}  # {number}")
        if found:
            title = say["figure"].format(
                number=number,
                title=MODELS[name].title,
                optimizer=TITLES[optimizer],
            )
            picture = f"../{CLAIM}/figures/{name}-{optimizer}.png"
            shown.append(f"![{title}]({picture})\n\n*{title}.* {_shows(found, say)}")
    if network is None:
        shown.append(_why_not(name, results, say))
    return "\n\n".join(["```sh\n" + "\n".join(commands) + "\n```", *shown])


def _shows(found: Mapping[str, Any], say: Mapping[str, str]) -> str:
    """What a figure shows, in a sentence."""
    reached = [
        run["test_accuracy"]
        for run in found["runs"]
        if run["test_accuracy"] is not None
    ]
    if not reached:
        return say["none"]
    passed = sum(accuracy > 0.9 for accuracy in reached)
    courses = [format_accuracy(row["mean"]) for row in found["validation_by_epoch"]]
    course = say["course" if len(courses) > 1 else "single"]
    return say["shows"].format(
        count=len(found["runs"]),
        passing=say["all" if passed == len(found["runs"]) else "some"].format(
            count=passed
        ),
        low=format_accuracy(min(reached)),
        high=format_accuracy(max(reached)),
        mean=format_accuracy(found["test_accuracy"]["mean"]),
        course=course.format(first=courses[0], last=courses[-1]),
    )


def _why_not(
    name: str, results: Mapping[str, Any] | None, say: Mapping[str, str]
) -> str:
    title = MODELS[name].title
    if results and title in results["left_out"]:
        return say["left out"].format(title=title, reason=results["left_out"][title])
    return say["waiting"].format(runs=f"../{CLAIM}/runs")
