"""The `sitrep` command."""

import asyncio
import getpass
import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn
from uuid import UUID

import typer

from app.domain.errors import InvalidPayloadError
from app.settings import Settings, SettingsError, load_settings

PROBLEM = 1
USAGE = 2

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
playbooks_app = typer.Typer(no_args_is_help=True, help="What is looked up for which alert.")
app.add_typer(playbooks_app, name="playbooks")
incidents_app = typer.Typer(no_args_is_help=True, help="What a person does to an incident.")
app.add_typer(incidents_app, name="incidents")


def main() -> None:
    """Run the command line; a wrong setting is one line, not a trace."""
    try:
        app()
    except SettingsError as error:
        _fail(str(error), USAGE)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on", min=0, max=65535)] = None,
    role: Annotated[Literal["all", "api", "worker"], typer.Option(help="what this process does")] = "all",
) -> None:
    """Take alerts, enrich them and tell people, until it is stopped."""
    from app.serve import ServeError, run  # noqa: PLC0415 - other commands need no web server

    settings = _settings(host=host, port=port)
    try:
        run(settings, role)
    except ServeError as error:
        _fail(str(error), PROBLEM)


@app.command()
def migrate() -> None:
    """Bring the database's schema to the newest revision."""
    from app.store.engine import DatabaseUrlError, StoreUnavailableError  # noqa: PLC0415 - as above
    from app.store.migrate import migrate as run  # noqa: PLC0415
    from app.store.revisions import SchemaError  # noqa: PLC0415

    settings = _settings()
    if not settings.database_url:
        _fail("SITREP_DATABASE_URL is not set; the embedded database is migrated by `sitrep serve`", USAGE)
    try:
        run(settings.database_url.read())
    except DatabaseUrlError as error:
        _fail(f"SITREP_DATABASE_URL: {error}", USAGE)
    except StoreUnavailableError as error:
        _fail(f"the database cannot be reached: {error}", PROBLEM)
    except SchemaError as error:
        _fail(str(error), PROBLEM)


@app.command()
def doctor() -> None:
    """Say for every configured source and notifier whether it is reachable, authenticated, allowed."""
    from app.doctor import examine  # noqa: PLC0415 - as above

    healthy = True
    for diagnosis in asyncio.run(examine(_settings())):
        healthy &= diagnosis.healthy
        typer.echo(f"{diagnosis.mark}  {diagnosis.name}: {diagnosis.statement}")
        if diagnosis.fix:
            typer.echo(f"      fix: {diagnosis.fix}")
    if not healthy:
        raise typer.Exit(PROBLEM)


@app.command()
def investigate(
    payload: Annotated[Path, typer.Argument(help="an Alertmanager webhook body, - for standard input")],
    output: Annotated[Literal["text", "json", "slack"], typer.Option(help="how to show it")] = "text",
) -> None:
    """Enrich one payload against the configured sources, without a database."""
    from app.investigate import investigate as run  # noqa: PLC0415 - as above
    from app.telemetry import configure_logging  # noqa: PLC0415

    settings = _settings()
    configure_logging(settings.log_format, sys.stderr)
    try:
        body = sys.stdin.buffer.read() if str(payload) == "-" else payload.read_bytes()
        typer.echo(asyncio.run(run(settings, body, output)))
    except OSError as error:
        _fail(f"{payload}: {error.strerror}", USAGE)
    except InvalidPayloadError as error:
        _fail(f"{payload}: {error}", PROBLEM)


@playbooks_app.command("list")
def list_playbooks(
    output: Annotated[Literal["text", "json"], typer.Option(help="how to show them")] = "text",
) -> None:
    """List every playbook and the alerts that it is for."""
    books = _playbooks()
    if output == "json":
        typer.echo(json.dumps([{"name": book.name, "alerts": list(book.alerts)} for book in books.every]))
        return
    for book in books.every:
        kinds = f"any alert about a {' or '.join(book.kinds)}" if book.kinds else "any alert"
        typer.echo(f"{book.name}: {', '.join(book.alerts) or kinds}")


@playbooks_app.command("show")
def show_playbook(
    alert: Annotated[str, typer.Argument(help="an alert's name")],
    kind: Annotated[str, typer.Option(help="what it is about: Deployment, Node, …")] = "",
) -> None:
    """Show what is looked up for an alert, what the numbers mean, what to check first and the runbook."""
    from app.playbooks.shown import shown  # noqa: PLC0415 - as above

    for line in shown(_playbooks(), alert, kind):
        typer.echo(line)


@playbooks_app.command("lint")
def lint_playbooks(directory: Annotated[Path, typer.Argument(help="a folder of YAML files")]) -> None:
    """Check a folder of playbooks."""
    from app.playbooks.loader import lint  # noqa: PLC0415 - as above

    if not directory.is_dir():
        _fail(f"{directory} is not a folder", USAGE)
    faults = lint(directory)
    for fault in faults:
        typer.echo(fault)
    if faults:
        raise typer.Exit(PROBLEM)


@incidents_app.callback()
def incidents() -> None:
    """Keep the name of the one command: without this it would be left out."""


@incidents_app.command("ask")
def ask_again(incident: Annotated[UUID, typer.Argument(help="an incident's id")]) -> None:
    """Have an incident looked into anew, also one that was given up."""
    from app.domain.errors import NotFoundError  # noqa: PLC0415 - as above
    from app.store.engine import DatabaseUrlError, StoreUnavailableError  # noqa: PLC0415
    from app.tend import NoDatabaseError  # noqa: PLC0415
    from app.tend import ask_again as run  # noqa: PLC0415

    try:
        asyncio.run(run(_settings(), incident, _who()))
    except (NotFoundError, NoDatabaseError) as error:
        _fail(str(error), PROBLEM)
    except DatabaseUrlError as error:
        _fail(f"SITREP_DATABASE_URL: {error}", USAGE)
    except StoreUnavailableError as error:
        _fail(f"the database cannot be reached: {error}", PROBLEM)
    typer.echo(f"{incident} is looked into again")


def _playbooks() -> Any:  # noqa: ANN401 - its type would be imported by commands that need none of it
    """All that are known; what is wrong in the team's goes to standard error, where JSON is not read."""
    from app.playbooks.loader import load_playbooks  # noqa: PLC0415 - as above

    books = load_playbooks(_settings().playbooks_dir)
    for problem in books.problems:
        typer.echo(f"sitrep: {problem}", err=True)
    return books


def _who() -> str:
    """The name of whoever types; empty for a user without one, as containers have."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _settings(**given: str | int | None) -> Settings:
    """The settings, with what the command line says above them."""
    return load_settings(given={name: value for name, value in given.items() if value is not None})


def _fail(line: str, code: int) -> NoReturn:
    typer.echo(f"sitrep: {line}", err=True)
    raise SystemExit(code)
