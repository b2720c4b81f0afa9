"""Progress bar of the sample year on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from deploy.local.sample import FIRST_DAY
from deploy.local.sample.play import Progress
from shared.contracts.status import Event
from shared.text import EVENTS, day

_SHOWN = {
    Event.MET: "green",
    Event.FELL_BEHIND: "yellow",
    Event.RECOVERED: "cyan",
    Event.LOST: "magenta",
    Event.MISSED: "red",
    Event.OVERDUE: "bright_black",
}


@contextmanager
def progress_bar(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Show a bar with the day and the changes so far; yield the function that moves it, for `play` to call."""
    with Bar(
        TextColumn("Năm mẫu / sample year [bold]{task.fields[day]}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[changes]}"),
        console=console,
    ) as bar:
        task = bar.add_task("", total=None, day=day(FIRST_DAY, "vi"), changes="")

        def show(progress: Progress) -> None:
            counts = progress.tally.events
            changes = " ".join(f"[{style}]{EVENTS[event].vi} {counts[event]}[/]" for event, style in _SHOWN.items())
            bar.update(task, completed=progress.number, total=progress.of, day=day(progress.day, "vi"), changes=changes)

        yield show
