"""The command line: ``rigkit --help``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rigkit.link.server import Server
    from rigkit.sim import Recipe

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Drive photogrammetry rigs through the Smart Shooter / CaptureGRID External API."""


@main.command()
@click.option("--cameras", default=24, show_default=True, type=click.IntRange(1, 10_000), help="How many cameras.")
@click.option("--publisher", default="tcp://127.0.0.1:54543", show_default=True, help="For events; port * takes a free one.")
@click.option("--reqrep", default="tcp://127.0.0.1:54544", show_default=True, help="For requests.")
@click.option("--seed", default=0, show_default=True, help="The same seed and the same requests give the same events.")
@click.option("--photos", default="tiny", show_default=True, help="tiny: small real JPEGs; none: no files.")
@click.option("--dialect", default="v5", show_default=True, type=click.Choice(["v5", "v3"]), help="v5: 4.x to 6.x; v3: 3.x.")
@click.option("--scenario", help="What goes wrong: a YAML file, or the text itself if it starts with {.")
@click.option("--speed", default=1.0, type=click.FloatRange(0, min_open=True), show_default=True, help="Virtual seconds per second.")
@click.option("--epoch", help="Time at the start, ISO 8601 or Unix seconds.  [default: now]")
@click.option("--download", type=click.Path(file_okay=False), help="Folder for the photos.  [default: a new temporary one]")
@click.option("--root", "roots", multiple=True, type=click.Path(file_okay=False), help="Folder that a client may choose.")
@click.option("--truth", type=click.Path(file_okay=False), help="Folder for what really happened: exposures.csv, cameras.csv.")
@click.option("--publisher-mark", default=0, show_default=True, type=click.IntRange(0), help="Events kept per subscriber; 0: all.")
@click.option("--embedded", is_flag=True, help="End when standard input ends, that is, with the parent process.")
@click.option("-v", "--verbose", is_flag=True, help="Print requests and events to standard error.")
def sim(**options: Any) -> None:
    """Simulate a rig: print its two endpoints, then serve until interrupted."""
    from rigkit.errors import RigError, UnknownName

    try:
        server = _simulator(**options)
    except (UnknownName, ValueError) as exc:
        raise click.UsageError(str(exc)) from None
    except (RigError, OSError) as exc:
        raise click.ClickException(str(exc)) from None
    from rigkit.link.program import serve

    with server:
        click.echo(f"publisher {server.publisher}\nreqrep {server.reqrep}")
        sys.stdout.flush()
        serve(server, embedded=options["embedded"])


def _simulator(
    *,
    publisher: str,
    reqrep: str,
    dialect: str,
    scenario: str | None,
    speed: float,
    epoch: str | None,
    download: str | None,
    roots: tuple[str, ...],
    truth: str | None,
    publisher_mark: int,
    embedded: bool,
    verbose: bool,
    **settings: Any,
) -> Server:
    """Build the server of ``rigkit sim``."""
    import os
    import tempfile
    from pathlib import Path

    from rigkit.link.disk import LocalDisk
    from rigkit.link.server import Server
    from rigkit.sim import Scenario, SimSettings, SimulatedRig
    from rigkit.wire import DIALECTS

    start, utc_offset_minutes = _epoch(epoch)
    read = Scenario.from_text(_scenario_text(scenario)) if scenario else None
    folder = os.path.realpath(download or tempfile.mkdtemp(prefix="rigkit-sim-"))
    allowed = tuple(os.path.realpath(root) for root in (*roots, folder)) if roots else (folder, str(Path.cwd()), tempfile.gettempdir())
    disk = LocalDisk((*allowed, *([truth] if truth else [])))
    model = SimulatedRig(
        SimSettings(
            epoch=start,
            utc_offset_minutes=utc_offset_minutes,
            dialect=dialect,  # type: ignore[arg-type]  # click has checked the word
            scenario=read,
            download=folder,
            roots=tuple(disk.resolve(root) for root in allowed),
            truth=os.path.realpath(truth) if truth else None,
            **settings,
        ),
        develop=None if settings["photos"] == "none" else _develop,
        disk=disk,
    )
    return Server(
        model,
        publisher=publisher,
        reqrep=reqrep,
        dialect=DIALECTS[dialect],
        speed=speed,
        publisher_mark=publisher_mark,
        disk=disk,
        watch=(lambda line: click.echo(line, err=True)) if verbose else None,
    )


def _develop(recipe: Recipe) -> bytes:
    """Make a picture; the studio and Pillow are loaded when the first one is wanted, not before the endpoints are printed."""
    from rigkit.sim.studio import develop

    return develop(recipe)


def _epoch(text: str | None) -> tuple[float, int]:
    """Read a start time: Unix seconds, and minutes by which local time is ahead of UTC."""
    from datetime import datetime

    if text is None:
        moment = datetime.now().astimezone()
    else:
        try:
            return float(text), 0
        except ValueError:
            moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.astimezone()
    zone = moment.utcoffset()
    return moment.timestamp(), round(zone.total_seconds() / 60) if zone else 0


def _scenario_text(source: str) -> str:
    """Return a scenario given as a file or as itself."""
    from pathlib import Path

    if source.lstrip().startswith("{"):
        return source
    return Path(source).read_text(encoding="utf-8")
