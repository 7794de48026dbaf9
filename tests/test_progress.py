from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from neigung.progress import Reporter


def told(terminal: bool) -> str:
    stream = io.StringIO()
    reporter = Reporter(Console(file=stream, force_terminal=terminal, width=80))
    with reporter.task("Features") as tick:
        for done in range(1, 13):
            tick(done, 12)
    reporter.say("[not bold] " + "x" * 100)
    return stream.getvalue()


def test_plain_lines_without_a_terminal() -> None:
    *lines, done, said = told(terminal=False).splitlines()
    assert lines == ["Features …", *(f"Features: {n} of 12" for n in (3, 6, 9))]
    assert done.startswith("Features: done in")
    assert said == "[not bold] " + "x" * 100


def test_a_bar_on_a_terminal() -> None:
    assert "12/12" in told(terminal=True)


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter()
    with reporter.task("Features") as tick:
        tick(1, 2)
    reporter.say("hello")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("terminal", [True, False])
def test_work_that_fails_is_not_called_done(terminal: bool) -> None:
    stream = io.StringIO()
    reporter = Reporter(Console(file=stream, force_terminal=terminal))
    with pytest.raises(KeyError), reporter.task("Features"):
        raise KeyError
    assert "done" not in stream.getvalue()


def test_a_stop_that_got_lost_ends_the_work_at_its_next_step() -> None:
    stop, steps = threading.Event(), []

    def work() -> None:
        with Reporter(stop=stop).task("Tuning") as tick:
            for step in (1, 2, 3):
                steps.append(step)
                tick(step, 3)
                stop.set()

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == [1, 2]
