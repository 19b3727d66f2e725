"""The command line: thin commands over the library; every error the user can mend is one line and exit code 1."""

from __future__ import annotations

import os
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from playbook.errors import PlaybookError, SettingsError

app = typer.Typer(
    help="Customer Intimacy Operations Playbook: from a client's settings to executed notebooks and a book.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)

INTERRUPTED = 130  # what a shell says of Ctrl-C; Typer returns it

EngagementFile = Annotated[Path, typer.Argument(help="the engagement's YAML file", show_default=False)]
RunFolder = Annotated[Path, typer.Argument(help="a run's folder, e.g. runs/demo-company", show_default=False)]


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="the client's name", show_default=False)],
    to: Annotated[Path, typer.Option(help="folder of engagements")] = Path("engagements"),
) -> None:
    """Write a commented engagement file for a new client."""
    from playbook.engagement.template import write_engagement

    path = write_engagement(name, to)
    typer.echo(f"wrote {path}; run it with: playbook run {path}")


@app.command()
def generate(
    to: Annotated[Path, typer.Argument(help="folder to write the store to", show_default=False)],
    seed: Annotated[int, typer.Option(help="everything random follows from it")] = 20260701,
    customers: Annotated[int, typer.Option(help="how many customers")] = 5000,
    months: Annotated[int, typer.Option(help="length of the history, at least 36")] = 36,
    as_of: Annotated[str, typer.Option(help="last day of the history")] = "2026-07-01",
    effect: Annotated[float, typer.Option(help="multiplies every planted effect; 0 plants none")] = 1.0,
    industry: Annotated[str, typer.Option(help="how customers buy and ask")] = "industrial distribution",
    region: Annotated[
        list[str] | None, typer.Option(help="country to sell in; may be repeated [default: all]")
    ] = None,
    tiers: Annotated[str, typer.Option(help="shares of gold, silver and bronze")] = "0.08,0.25,0.67",
    seasonality: Annotated[float, typer.Option(help="multiplies the industry's season")] = 1.0,
    defects: Annotated[float, typer.Option(help="multiplies the errors in source extracts")] = 1.0,
    effect_of: Annotated[
        list[str] | None,
        typer.Option(help="e.g. define.journey_map=0; multiplies what is planted for one play"),
    ] = None,
    domain: Annotated[
        list[str] | None, typer.Option(help="only this domain and what it needs; may be repeated")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="processes on this machine")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(help="address of a Dask scheduler, e.g. tcp://host:8786; its workers see TO")
    ] = None,
) -> None:
    """Generate a synthetic world as a store: the same bytes for the same settings, whoever does the work."""
    from playbook.progress import counting
    from playbook.world import generate as world
    from playbook.world.settings import COUNTRIES, WorldSettings

    settings = WorldSettings(
        seed=seed,
        customers=customers,
        months=months,
        as_of=as_of,
        effect=effect,
        industry=industry,
        regions=tuple(region or COUNTRIES),
        tiers=tuple(_number(share, "--tiers") for share in tiers.split(",")),
        seasonality=seasonality,
        defects=defects,
        effects=dict(_effect(text) for text in effect_of or ()),
    )
    helpers = world.dask_cluster(scheduler) if scheduler else world.workers(workers)
    with helpers as executor, counting("blocks") as report:
        world.write_world(settings, to, domains=domain, executor=executor, report=report)
    typer.echo(f"wrote a world of {customers:,} customers to {to}")


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SettingsError(f"{option}: expected a number, got '{text}'") from None


def _effect(text: str) -> tuple[str, float]:
    play, equals, factor = text.partition("=")
    if not equals:
        raise SettingsError(f"--effect-of: expected play=factor like define.journey_map=0, got '{text}'")
    return play, _number(factor, f"--effect-of {play}")


@app.command()
def intake(
    exports: Annotated[
        Path,
        typer.Argument(
            help="the mapping's YAML file; with --propose the folder of exports", show_default=False
        ),
    ],
    to: Annotated[
        Path | None,
        typer.Argument(
            help="folder to write the store to; with --propose the mapping to write", show_default=False
        ),
    ] = None,
    name: Annotated[
        str, typer.Option(help="the client's name, as in the engagement [default: the mapping's folder]")
    ] = "",
    quarantine: Annotated[
        Path | None,
        typer.Option(help="folder for the rows to mend [default: quarantine/ beside the mapping]"),
    ] = None,
    propose: Annotated[
        bool, typer.Option("--propose", help="read the exports and write a draft mapping")
    ] = False,
    connection: Annotated[
        list[str] | None,
        typer.Option(
            help="with --propose: environment variable that holds a database's address; may be repeated"
        ),
    ] = None,
) -> None:
    """Take in a client's exports: every row is accepted, or quarantined with a reason."""
    if propose:
        _propose(exports, to or exports / "mapping.yml", connection or [])
        return
    if to is None:
        raise SettingsError("intake: name the folder to write the store to, after the mapping")
    if connection:
        raise SettingsError(
            "intake: --connection goes with --propose; a mapping names its connections itself"
        )
    from playbook.intake.make_store import source_files, take_in
    from playbook.progress import reading

    total = sum(file.stat().st_size for file in source_files(exports))
    with reading(total) as tell:
        client = name or exports.resolve().parent.name
        report = take_in(exports, to, name=client, quarantine_to=quarantine, tell=tell)
    typer.echo(report.text())
    if any(source.rows > source.accepted for source in report.sources):
        place = quarantine or exports.parent / "quarantine"
        typer.echo(
            f"rows to mend: {place} (mended files go into {exports.parent / 'corrections'}, then run this again)"
        )


def _propose(folder: Path, to: Path, connections: list[str]) -> None:
    from playbook.intake.proposing.propose import propose

    if to.exists():
        raise SettingsError(f"'{to}' is there: name another file for the draft, or remove it")
    proposal = propose(folder, connections=connections, out=to)
    typer.echo("\n".join(proposal.lines()))
    typer.echo(f"then run: playbook intake {to} STORE")


@app.command()
def readiness(
    store: Annotated[Path, typer.Argument(help="a store, or a run's folder", show_default=False)],
    as_of: Annotated[
        str, typer.Option(help="day of reading, e.g. 2026-07-01 [required]", show_default=False)
    ],
    request: Annotated[
        Path | None, typer.Option(help="folder to write the data request to, as Markdown and as a workbook")
    ] = None,
) -> None:
    """Say what arrived, what is suspicious, which plays are ready, and what to ask the client for."""
    from playbook import catalogue
    from playbook.engagement import data_request
    from playbook.engagement.readiness import readiness as judge
    from playbook.publish.readiness_page import text
    from playbook.store.reading import INFO, Store

    folder = store if (store / INFO).is_file() else store / "store"
    found = judge(Store(folder), _day(as_of), catalogue.plays().values())
    typer.echo(text(found))
    if request is not None:
        request.mkdir(parents=True, exist_ok=True)
        (request / "data_request.md").write_text(data_request.markdown(found), encoding="utf-8")
        data_request.write_workbook(found, request / "data_request.xlsx")
        typer.echo(f"wrote {request / 'data_request.md'} and {request / 'data_request.xlsx'}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"--as-of: expected a day like 2026-07-01, got '{text}'") from None


@app.command()
def run(
    engagement: EngagementFile,
    to: Annotated[Path | None, typer.Option(help="run folder [default: runs/<client>]")] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="take the client's data in again: a database may have changed")
    ] = False,
) -> None:
    """Run an engagement: store, executed notebooks, decisions, book. Run again to continue or refresh."""
    from playbook.engagement.settings import read_engagement
    from playbook.progress import progress
    from playbook.publish.produce import produce

    folder = to or Path("runs") / read_engagement(engagement).slug
    with progress() as report:
        page = produce(engagement, folder, report, refresh=refresh)
    typer.echo(f"run:  {folder}\nbook: open {page} in a browser ({page.resolve().as_uri()})")


@app.command()
def book(
    run_folder: RunFolder,
    edition: Annotated[
        Literal["facilitator", "participant"], typer.Option(help="with solutions folded, or without any")
    ] = "facilitator",
) -> None:
    """Build one edition of a run's book."""
    from playbook.engagement.runner import Run
    from playbook.progress import progress
    from playbook.publish.produce import publish

    with progress() as report:
        page = publish(Run(run_folder.resolve()), edition, report)
    typer.echo(f"book: open {page} in a browser ({page.as_uri()})")


@app.command()
def participants(
    run_folder: RunFolder,
    to: Annotated[Path | None, typer.Option(help="folder to write [default: participants/<run>]")] = None,
) -> None:
    """Write the participants' copies of a run: no solutions, no answers."""
    from playbook.publish.participants import copy_for_participants

    folder = to or Path("participants") / run_folder.resolve().name
    copy_for_participants(run_folder, folder)
    typer.echo(f"wrote {folder}; open it with: playbook lab {folder}")


@app.command(context_settings={"ignore_unknown_options": True})
def lab(
    folder: Annotated[Path, typer.Argument(help="participants' copy, run or modules folder")] = Path(
        "modules"
    ),
    options: Annotated[list[str] | None, typer.Argument(help="passed on to jupyter lab")] = None,
) -> None:
    """Open JupyterLab on a folder of notebooks; more options go to JupyterLab, e.g. --no-browser."""
    import signal
    import subprocess

    if not folder.is_dir():
        raise SettingsError(f"no folder '{folder}': write one with 'playbook participants RUN'")
    quiet = "--LabApp.news_url=None"  # nobody in a workshop should have to answer a question about news
    command = [sys.executable, "-m", "jupyterlab", str(folder), quiet, *(options or [])]
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for JupyterLab, which asks before it stops
    raise typer.Exit(subprocess.run(command).returncode)


@app.command()
def plays(
    module: Annotated[str | None, typer.Argument(help="only this module")] = None,
) -> None:
    """List the plays: what each decides, how long it takes, what it reads, what can be set."""
    from playbook import catalogue
    from playbook.errors import nearest

    if module is not None and module not in catalogue.MODULES:
        raise SettingsError(f"no module '{module}'; {nearest(module, catalogue.MODULES)}")
    for play in catalogue.plays().values():
        if module in (None, play.module):
            typer.echo(f"{play.id}  ({play.teach_min}+{play.practise_min} min, {play.cut})  {play.title}")
            typer.echo(f"    reads {', '.join(play.inputs)}; decides {play.decides}")
            for setting in play.settings:
                typer.echo(f"    {setting.name} = {setting.default!r}  {setting.help}")


def main() -> None:
    """Run the command line: exit code 1 and one line for what the user can mend, 2 for a wrong command line."""
    # Typer carries its own copy of click; the base of its public BadParameter is the error of any wrong command line.
    usage_error: type[Exception] = typer.BadParameter.__mro__[1]
    code = 0
    try:
        code = app(standalone_mode=False)
    except PlaybookError as error:
        typer.echo(f"playbook: {error}", err=True)
        sys.exit(1)
    except OSError as error:  # a folder that may not be written, a full disk, a file where a folder is wanted
        where = f"{error.filename}: " if error.filename else ""
        typer.echo(f"playbook: {where}{error.strerror or error}", err=True)
        sys.exit(1)
    except usage_error as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "playbook"
        message = error.format_message()  # type: ignore[attr-defined]
        typer.echo(f"playbook: {message} (see {command} --help)", err=True)
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    if code == INTERRUPTED:
        typer.echo("playbook: stopped; run the same command again to continue", err=True)
        sys.stderr.flush()
        # Not sys.exit, which would wait for the modules still running; nothing of theirs is taken for whole.
        os._exit(INTERRUPTED)
    sys.exit(code)
