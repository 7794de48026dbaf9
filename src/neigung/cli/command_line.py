"""The command line as a whole: its commands, and how errors and stops end."""

from __future__ import annotations

import logging
import signal
import sys
import warnings
from typing import Annotated, Any, NoReturn

import typer

from neigung.cli import data, modelling, service, versions
from neigung.cli.terminal import STOP
from neigung.errors import InputError, NeigungError
from neigung.language import ENGLISH, Language, Message

app = typer.Typer(
    name="neigung",
    help="Predictions to defend: who will buy, what discount it takes, who is leaving, and why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

INTERRUPTED = 130
"""What typer makes of Ctrl-C."""

STOPPED = "Interrupted: nothing half-written was left. Run the same command again to go on."


def main() -> NoReturn:
    """Run the command line; errors become one message and an exit code."""
    warnings.filterwarnings("ignore")
    logging.getLogger().setLevel(logging.ERROR)
    # A stop request ends like Ctrl-C: what was begun is undone, finished trials are kept.
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    asked: dict[str, Language] = {}
    try:
        if app(standalone_mode=False, obj=asked) == INTERRUPTED:
            raise KeyboardInterrupt
    except NeigungError as error:
        _fail(error.message, error.exit_code, asked.get("language", ENGLISH))
    except (KeyboardInterrupt, typer.Abort):
        _fail(STOPPED, InputError.exit_code)
    except (MemoryError, OSError) as error:
        _fail(f"The machine could not do it: {error}. Make room and run the command again.", 1)
    except Exception as error:
        if str(error) == "Query interrupted":  # what DuckDB makes of Ctrl-C
            _fail(STOPPED, InputError.exit_code)
        _fail_with_usage(error)
    sys.exit(0)


def _stop(number: int, frame: object) -> NoReturn:
    """Interrupt, and remember it: an exception from a signal can get lost inside a library."""
    STOP.set()
    sys.unraisablehook = _unraisable
    raise KeyboardInterrupt


def _unraisable(unraisable: Any) -> None:
    """Python reports an interrupt that it had to swallow; `STOP` knows of it already."""
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)


def _fail(message: str, code: int, language: Language = ENGLISH) -> NoReturn:
    said = Message("Error: {message}", message=message).to(language)
    typer.secho(said, err=True, fg="red")
    sys.exit(code)


def _fail_with_usage(error: Exception) -> NoReturn:
    """Errors of the command line itself say how it is used; others are ours to mend."""
    show = getattr(error, "show", None)
    if callable(show):
        show()
        sys.exit(getattr(error, "exit_code", 1))
    raise error


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"neigung {version('neigung')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say which and stop."),
    ] = False,
) -> None:
    pass


app.add_typer(data.imports, name="import")
app.add_typer(service.keys, name="keys")
for command in (
    *(modelling.demo, data.simulate, data.check, data.features),
    *(modelling.train, modelling.score, modelling.offers),
    *(versions.report, versions.review, versions.promote),
    *(service.serve, service.bundle, service.why, service.forget),
):
    app.command()(command)
