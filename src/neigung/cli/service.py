"""The commands around the service: serve, bundle, keys, why, forget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from neigung.cli.options import LanguageOption
from neigung.errors import InputError
from neigung.language import ENGLISH, Message
from neigung.serving import places

KEYS = Path(places.KEYS)
LOG_KEY = Path(places.LOG_KEY)

keys = typer.Typer(help="Who may ask the service for what.", no_args_is_help=True)

Studies = Annotated[list[Path], typer.Argument(metavar="STUDY...", help="The studies to serve.")]
_Keys = typer.Option("--keys", help="The file of the API keys.")
_Log = typer.Option("--log", help="URL of the decision log's database.")
_LogKey = typer.Option(
    "--log-key", help=f"File with the log's secret, unless {places.LOG_KEY_VARIABLE} holds it."
)
KeysOption = Annotated[Path, _Keys]
LogOption = Annotated[str, _Log]
LogKeyOption = Annotated[Path, _LogKey]
CustomerId = Annotated[str, typer.Argument(metavar="CUSTOMER_ID", help="The customer's id.")]


def serve(
    studies: Studies,
    snapshots: Annotated[
        Path | None,
        typer.Option(
            "--snapshots", help=f"Folder of the snapshots, by default {places.SNAPSHOTS}."
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 3000,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=256, help="Processes, by default 2.")
    ] = None,
    keys_file: Annotated[Path | None, _Keys] = None,
    log: Annotated[str | None, _Log] = None,
    log_key: Annotated[Path | None, _LogKey] = None,
    settings: Annotated[
        Path | None, typer.Option("--settings", help="JSON with further settings, such as limits.")
    ] = None,
) -> None:
    """Serve the champions over HTTP, with reasons."""
    from neigung.serving.serve import own_folder, prepare, settings_of
    from neigung.serving.serve import serve as run

    given = settings_of(
        settings,
        studies=tuple(str(study) for study in studies),
        snapshots=snapshots and str(snapshots),
        workers=workers,
        keys=keys_file and str(keys_file),
        log=log,
        log_key=log_key and str(log_key),
        artefacts=str(own_folder(port) / "artefacts"),
    ).resolved(Path.cwd(), Path.cwd())
    for line in prepare(given):
        typer.echo(line)
    typer.echo(f"Serving on http://{host}:{port} (docs: /docs.json, TLS: leave it to a proxy)")
    run(given, host, port)


def bundle(
    studies: Studies,
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")],
) -> None:
    """Write a folder with the champions of today, for `bentoml build`: needs no MLflow later."""
    from neigung.serving.bundle import write_bundle

    typer.echo(write_bundle(studies, out))


@keys.command("add")
def add_key(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the client, as logs name it.")],
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="predict:STUDY, predict:*, offers:STUDY, offers:*, models, metrics, docs.",
        ),
    ],
    keys_file: KeysOption = KEYS,
) -> None:
    """Add a key and show it, this once."""
    from neigung.serving.access import add_key as run

    key = run(keys_file, name, scope)
    typer.echo(f"The key of {name}. It is shown this once; only its hash is kept.", err=True)
    typer.echo(key)


@keys.command("list")
def list_keys(keys_file: KeysOption = KEYS) -> None:
    """Show the keys' names, scopes and dates."""
    from neigung.serving.access import list_keys as run

    for record in run(keys_file):
        state = f"revoked {record.revoked:%Y-%m-%d}" if record.revoked else "counts"
        scopes = " ".join(record.scopes)
        typer.echo(f"{record.name}\t{state}\tadded {record.created:%Y-%m-%d}\t{scopes}")


@keys.command("revoke")
def revoke_key(
    name: Annotated[str, typer.Argument(metavar="NAME")], keys_file: KeysOption = KEYS
) -> None:
    """Make a key count no longer, from the next request on."""
    from neigung.serving.access import revoke_key as run

    run(keys_file, name)
    typer.echo(f"{name} is revoked.")


def why(
    customer_id: CustomerId,
    at: Annotated[str | None, typer.Option("--at", help="As it was at this time (UTC).")] = None,
    language: LanguageOption = ENGLISH,
    as_json: Annotated[bool, typer.Option("--json", help="As data.")] = False,
    log: LogOption = places.LOG,
    log_key: LogKeyOption = LOG_KEY,
) -> None:
    """Tell what was predicted of a customer, by which model, for which reasons."""
    from neigung.serving.why import why_json, why_text

    tell = why_json if as_json else why_text
    typer.echo(tell(log, log_key, customer_id, at, language))


def forget(
    customer_id: Annotated[
        str | None, typer.Argument(metavar="[CUSTOMER_ID]", help="The customer's id.")
    ] = None,
    older_than: Annotated[
        int | None,
        typer.Option("--older-than", min=1, max=36500, help="Everybody's entries of so many days."),
    ] = None,
    log: LogOption = places.LOG,
    log_key: LogKeyOption = LOG_KEY,
    language: LanguageOption = ENGLISH,
) -> None:
    """Erase what the decision log holds of a customer, or what is too old."""
    from neigung.serving.why import forget_text, purge_text

    if (customer_id is None) == (older_than is None):
        raise InputError(Message("forget needs either CUSTOMER_ID or --older-than DAYS."))
    if customer_id is not None:
        typer.echo(forget_text(log, log_key, customer_id, language))
    elif older_than is not None:
        typer.echo(purge_text(log, log_key, older_than, language))
