"""Write the table of `results/pictures/README.md` from the rows beside it.

python tools/pictures/table.py
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from corpus import RESULTS, Row, read_rows

from kerascnn import MODELS
from kerascnn.comparison.statistics import summarize

PAGE = RESULTS / "README.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
HEAD = """\
| corpus | method | start | test accuracy | macro-F1 | runs | seconds |
| --- | --- | --- | --- | --- | --- | --- |
"""


def main() -> None:
    """Write the page with the table of today's rows."""
    page = PAGE.read_text("utf-8")
    baselines = read_rows(RESULTS / "baselines.csv")
    runs = read_rows(RESULTS / "runs.csv")
    PAGE.write_text(with_table(page, baselines, runs), "utf-8")


def with_table(page: str, baselines: list[Row], runs: list[Row]) -> str:
    """The page with a row for each baseline, and one for the seeds of each network."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    corpora = dict.fromkeys(row["corpus"] for row in [*baselines, *runs])
    lines = [
        line
        for corpus in corpora
        for rows in (_of_baselines(baselines, corpus), _of_runs(runs, corpus))
        for line in rows
    ]
    return f"{before}{BEGIN}\n{HEAD}" + "\n".join(lines) + f"\n\n{END}{after}"


def _of_baselines(rows: list[Row], corpus: str) -> Iterator[str]:
    for row in rows:
        if row["corpus"] == corpus:
            method = f"{row['features']}, {row['classifier']}"
            yield _line(corpus, method, "", [row])


def _of_runs(rows: list[Row], corpus: str) -> Iterator[str]:
    def condition(row: Row) -> tuple[str, ...]:
        return row["network"], row["options"], row["start"]

    chosen = [row for row in rows if row["corpus"] == corpus]
    for (network, options, start), seeds in groupby(
        sorted(chosen, key=condition), condition
    ):
        method = MODELS[network].title + (f", `{options}`" if options else "")
        yield _line(corpus, method, start, list(seeds))


def _line(corpus: str, method: str, start: str, rows: list[Row]) -> str:
    seconds = sum(float(row["seconds"]) for row in rows) / len(rows)
    cells = (
        corpus,
        method,
        start,
        *(_share(rows, x) for x in ("accuracy", "macro_f1")),
    )
    return f"| {' | '.join(cells)} | {len(rows)} | {seconds:,.0f} |"


def _share(rows: list[Row], name: str) -> str:
    """The mean, and with several runs its interval of 95% by Student's t."""
    summary = summarize([float(row[name]) for row in rows])
    if summary.low is None:
        return f"{summary.mean:.2%}"
    return f"{summary.mean:.2%} ± {summary.high - summary.mean:.2%}"


if __name__ == "__main__":
    main()
