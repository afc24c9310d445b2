"""What a run found, for the terminal and for README.md."""

from __future__ import annotations

from pathlib import Path

from bench.comparison import Ratio
from bench.serving.contenders import OURS
from bench.serving.picture import picture
from bench.serving.result import Ran, Result

_BEGIN, _END = "<!-- result -->\n", "<!-- end of result -->\n"
_HEAD = (
    "server",
    "req/s in time",
    "ours is",
    "p50 ms",
    "CPU s / 1,000",
    "CPU: ours is",
    "wrong",
    "MiB",
    "ready s",
)


def _rows(result: Result) -> list[tuple[str, ...]]:
    return [_row(result, server) for server in result.servers]


def _row(result: Result, server: Ran) -> tuple[str, ...]:
    name = server.name
    peer = name != OURS
    return (
        name,
        f"{result.median(name, lambda w: w.scheduled / w.seconds):.0f}",
        _times(result.rates(name)) if peer else "",
        f"{result.median(name, lambda w: w.p50_ms):.1f}",
        f"{result.median(name, lambda w: w.cpu_per_thousand):.2f}",
        _times(result.cpu(name)) if peer else "",
        f"{result.wrong_share(name):.2%}",
        f"{server.memory_mib:.0f}",
        f"{server.ready_seconds:.1f}",
    )


def _times(r: Ratio) -> str:
    return f"{r.median:.2f}x [{r.low:.2f}, {r.high:.2f}]"


def table(result: Result) -> str:
    """Return the table in columns."""
    rows = [_HEAD, *_rows(result)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _markdown(result: Result) -> str:
    lines = ["| " + " | ".join(_HEAD) + " |", "|---|" + "---:|" * (len(_HEAD) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in _rows(result)]
    rounds = len(result.rounds(OURS))
    void = sum(not w.kept_schedule for w in result.windows)
    about = (
        f"{result.machine}; {result.artifact}; {result.texts} distinct messages; "
        f"{rounds} rounds, windows of {result.seconds:g} s, p99 <= {result.slo_ms:g} ms. "
        f"{len(result.windows)} windows in all, {void} void because the client was late."
    )
    grids = ["| server | settings: requests a second at the first look |", "|---|---|"]
    grids += [f"| {s.name} | {_grid(s)} |" for s in result.servers]
    return "\n".join([about, "", *lines, "", *grids]) + "\n"


def _grid(server: Ran) -> str:
    best = server.settings
    return "; ".join(
        ("**{}**" if settings == best else "{}").format(
            f"{_words(settings)}: {rate:.0f}"
        )
        for settings, rate in server.tried
    )


def _words(settings: dict[str, int]) -> str:
    return ", ".join(f"{value} {name}" for name, value in settings.items())


def write_readme(result: Result, directory: Path) -> None:
    """Write the table into README.md, between its marks, and the picture beside it."""
    (directory / "latency.svg").write_text(picture(result), encoding="utf-8")
    readme = directory / "README.md"
    readme.write_text(with_table(readme.read_text("utf-8"), result), encoding="utf-8")


def with_table(text: str, result: Result) -> str:
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{_markdown(result)}{_END}{after}"
