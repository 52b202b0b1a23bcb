"""The command line: ``rigkit --help``."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

import click

from rigkit.record.columns import OF_A_SESSION

if TYPE_CHECKING:
    from rigkit.link.server import Server
    from rigkit.rig import Rig
    from rigkit.sim import Recipe
    from rigkit.wire import Message

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rigkit", message="rigkit %(version)s")
def main() -> None:
    """Drive photogrammetry rigs through the Smart Shooter / CaptureGRID External API."""


@main.command()
@click.option("--cameras", default=24, show_default=True, type=click.IntRange(1, 10_000), help="How many cameras.")
@click.option(
    "--publisher", default="tcp://127.0.0.1:54543", show_default=True, help="For events; port * takes a free one."
)
@click.option("--reqrep", default="tcp://127.0.0.1:54544", show_default=True, help="For requests.")
@click.option("--seed", default=0, show_default=True, help="The same seed and the same requests give the same events.")
@click.option("--photos", default="tiny", show_default=True, help="tiny: small real JPEGs; none: no files.")
@click.option(
    "--dialect", default="v5", show_default=True, type=click.Choice(["v5", "v3"]), help="v5: 4.x to 6.x; v3: 3.x."
)
@click.option("--scenario", help="What goes wrong: a YAML file, or the text itself if it starts with {.")
@click.option(
    "--speed",
    default=1.0,
    type=click.FloatRange(0, 1e6, min_open=True),
    show_default=True,
    help="Virtual seconds per second.",
)
@click.option("--epoch", help="Time at the start, ISO 8601 or Unix seconds.  [default: now]")
@click.option(
    "--download", type=click.Path(file_okay=False), help="Folder for the photos.  [default: a new temporary one]"
)
@click.option(
    "--root",
    "roots",
    multiple=True,
    type=click.Path(file_okay=False),
    help="Folder a client may choose for photos.  [default: --download, the working folder, the temporary one]",
)
@click.option(
    "--truth", type=click.Path(file_okay=False), help="Folder for what really happened: exposures.csv, cameras.csv."
)
@click.option(
    "--publisher-mark",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Events kept per subscriber; 0: all, so that one which never reads makes the simulator grow without bound.",
)
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
    import secrets
    import tempfile

    from rigkit.link.disk import LocalDisk
    from rigkit.link.server import Server
    from rigkit.sim import Scenario, SimSettings, SimulatedRig
    from rigkit.wire import DIALECTS

    start, utc_offset_minutes = _epoch(epoch)
    read = Scenario.from_text(_scenario_text(scenario)) if scenario else None
    # Not made before there is a photo for it, so that a simulator nobody shot with leaves nothing behind.
    folder = os.path.realpath(download or Path(tempfile.gettempdir(), f"rigkit-sim-{secrets.token_hex(6)}"))
    allowed = (
        tuple(os.path.realpath(root) for root in (*roots, folder))
        if roots
        else (folder, str(Path.cwd()), tempfile.gettempdir())
    )
    disk = LocalDisk((*allowed, *([truth] if truth else [])))
    model = SimulatedRig(
        SimSettings(
            epoch=start,
            utc_offset_minutes=utc_offset_minutes,
            dialect=dialect,  # type: ignore[arg-type]  # click has checked the word
            speed=speed,
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
    if source.lstrip().startswith("{"):
        return source
    try:
        return Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "it is not text in UTF-8"
        raise ValueError(f"--scenario: {source} can't be read ({reason})") from None


# -- the client ---------------------------------------------------------------------------------------------------------


#: ``record -v`` says so often how it stands, s.
_EACH_S = 5.0


class _ExitCode:
    """What the commands end with: 0 ok, 1 error, 2 usage, and these two."""

    INCOMPLETE = 3
    NEEDS_OPERATOR = 4


def _connecting(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a connection, and turn rigkit's errors into one line and an exit code."""

    @click.option(
        "--address", help="tcp://rig-pc, a request endpoint, or sim:24.  [default: $RIGKIT_ADDRESS, tcp://127.0.0.1]"
    )
    @click.option("--publisher", help="The publisher's endpoint, where it is not at its usual place.")
    @click.option(
        "--session",
        type=click.Path(file_okay=False),
        help="Session folder.  [default: shoot: scans/<date>; else nothing is kept]",
    )
    @functools.wraps(command)
    def wrapped(**options: Any) -> None:
        with _errors():
            command(**options)

    return wrapped


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    from rigkit.errors import Incomplete, NotReady, RigError

    try:
        yield
    except (Incomplete, NotReady) as exc:
        click.echo(f"Error: {exc}", err=True)
        sys.exit(_ExitCode.INCOMPLETE if isinstance(exc, Incomplete) else _ExitCode.NEEDS_OPERATOR)
    except BrokenPipeError:  # | head: click knows what to do
        raise
    except (RigError, OSError) as exc:
        raise click.ClickException(str(exc)) from None
    except ValueError as exc:
        raise click.UsageError(str(exc)) from None


@contextlib.contextmanager
def _warnings_told() -> Iterator[None]:
    """Say a warning as a sentence on standard error, without the line of code that it came from."""
    import warnings

    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: click.echo(f"Warning: {message}", err=True)
        yield


@contextlib.contextmanager
def _rig(address: str | None, publisher: str | None, session: str | None, *, record: bool) -> Iterator[Rig]:
    """Connect; a command that only looks leaves no session folder behind unless it is given one."""
    import rigkit

    with contextlib.ExitStack() as stack:
        says: TextIO = sys.stderr  # what connect says is not what the command prints
        if session is None and not record:
            import io
            import tempfile

            session = str(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rigkit-"))) / "session")
            says = io.StringIO()
        with contextlib.redirect_stdout(says):
            rig = rigkit.connect(address, publisher=publisher, session=session)
        yield stack.enter_context(rig)


@main.command()
@click.option(
    "--cameras", default=24, show_default=True, type=click.IntRange(2, 500), help="How many simulated cameras."
)
@click.option("--seed", default=1, show_default=True, help="Same seed, same cameras.")
@click.option("--session", type=click.Path(file_okay=False), help="Session folder.  [default: scans/<date>]")
def demo(cameras: int, seed: int, session: str | None) -> None:
    """Shoot six times with simulated cameras and leave a session to look at."""
    with _errors():
        from rigkit.demo import run

        run(cameras, seed, session)


@main.command()
@_connecting
def ls(address: str | None, publisher: str | None, session: str | None) -> None:
    """List the cameras: who is there, who is not, in which state."""
    with _rig(address, publisher, session, record=False) as rig:
        click.echo(repr(rig))


@main.command()
@click.option("--seconds", type=float, help="Stop after so many seconds.  [default: never]")
@click.option("--count", type=click.IntRange(1), help="Stop after so many events.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="One JSON line each: every field, in 4.x to 6.x names; no live-view pictures.",
)
@_connecting
def listen(
    address: str | None,
    publisher: str | None,
    session: str | None,
    seconds: float | None,
    count: int | None,
    as_json: bool,
) -> None:
    """Print events as they are heard, until Ctrl-C."""
    with _rig(address, publisher, session, record=False) as rig, contextlib.suppress(KeyboardInterrupt):
        for number, message in enumerate(rig.messages(duration=seconds), 1):
            click.echo(_spelt(message, rig, as_json))
            if number == count:
                return


def _spelt(message: Message, rig: Rig, as_json: bool) -> str:
    """One event as one line."""
    from datetime import datetime

    if as_json:
        import msgspec

        return msgspec.json.encode(message.body).decode()
    heard = datetime.fromtimestamp(message.wall_ns / 1e9).astimezone().strftime("%H:%M:%S.%f")[:-3]
    key = message.get("CameraKey")
    about = [] if not isinstance(key, str) else [rig.session.label(key)]
    names = ("CameraStatus", "PhotoLocation", "PhotoName", "PhotoComputedName", "PhotoOrigin", "CustomText")
    about += [f"{name}={message[name]}" for name in names if message.get(name)]
    return f"{heard} {message.msg_seq_num if message.msg_seq_num is not None else '-':>7} {message.msg_id:<16} {' '.join(about)}"


@main.command()
@click.option("--camera", "cameras", multiple=True, help="Only this camera (name or key); may be repeated.")
@click.option("--group", help="Only the cameras of this group.")
@click.option("--subject", help="Who or what is captured.")
@click.option("--pose", help="Which pose.")
@click.option("--rep", type=int, help="Which repetition.")
@click.option("--note", help="Anything else.")
@click.option(
    "--wait", type=click.Choice(["exposed", "files"]), default="files", show_default=True, help="When it is done."
)
@click.option("--timeout", type=float, help="Wait at most so many seconds.  [default: until all is accounted for]")
@click.option("--anyway", is_flag=True, help="Fire with those that are Ready.")
@_connecting
def shoot(
    address: str | None,
    publisher: str | None,
    session: str | None,
    cameras: tuple[str, ...],
    group: str | None,
    wait: Literal["exposed", "files"],
    **options: Any,
) -> None:
    """Fire once, say what came of it. Ends with 3 if cameras are missing, 4 if they are not ready."""
    with _rig(address, publisher, session, record=True) as rig:
        chosen = rig.group(group) if group else rig
        shot = (chosen[cameras] if cameras else chosen).shoot(wait=wait, **options)
        click.echo(repr(shot))
        click.echo(f"session {rig.session.path}")
        complete = shot.ok
    if not complete:
        sys.exit(_ExitCode.INCOMPLETE)


@main.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True)
@click.option(
    "--table",
    help=f"Print one table as CSV instead: {', '.join(OF_A_SESSION)}, findings.",
)
@click.option("--methods", is_flag=True, help="Print the paragraphs for the Methods section of a paper instead.")
@click.option("--report", is_flag=True, help="Write report.html, tables/ and plots/ anew.")
def show(folders: tuple[str, ...], table: str | None, methods: bool, report: bool) -> None:
    """Show a session folder, or several as one: folders, or a pattern like "scans/*/P*". No server is needed."""
    with _errors(), _warnings_told():
        import rigkit
        from rigkit.errors import UnknownName
        from rigkit.reporting import findings_of, shown_text

        shown = rigkit.open(folders[0]) if len(folders) == 1 else rigkit.open(folders)
        if table is not None and table not in (names := (*OF_A_SESSION, "findings")):
            raise UnknownName("table", table, names)
        if table is not None:
            (findings_of(shown) if table == "findings" else getattr(shown, table)).to_csv(sys.stdout)
            return
        if methods:
            _echo(shown.methods())
            return
        sessions = list(shown) if isinstance(shown, rigkit.Sessions) else [shown]
        _echo(repr(shown) if isinstance(shown, rigkit.Sessions) else shown_text(shown))
        for session in sessions if report else ():
            _echo(f"report {session.report()}")
        if shown is sessions[0] and not report:
            page = shown.path / "report.html"
            _echo(
                f"\nreport {page}"
                if page.exists()
                else f'\nreport: none yet; rigkit show "{shown.path}" --report writes it'
            )


def _echo(text: str) -> None:
    """Print what may hold any character: a console that can't spell one (Windows, redirected) shows a question mark."""
    spelling = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(spelling, "replace").decode(spelling))


@main.command()
@click.argument("folder", type=click.Path())
def verify(folder: str) -> None:
    """Hold every photo file of a session that is here against its checksum. Ends with 3 if one differs or can't be found."""
    with _errors():
        from rigkit.record.checksums import told_trouble
        from rigkit.session import open_folder

        table = open_folder(folder).verify()
    trouble = told_trouble(table)
    _echo("\n".join([*trouble, table.attrs["summary"]]))
    if trouble:
        sys.exit(_ExitCode.INCOMPLETE)


@main.command()
@click.argument("address", required=False)
@click.option("--publisher", help="The publisher's endpoint, where it is not at its usual place.")
@click.option(
    "--photos",
    multiple=True,
    metavar="THERE=HERE",
    help="A folder on the application's computer, and the same folder here; may be repeated.",
)
@click.option(
    "--timeout",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="Seconds for each step; all together take three times as long at the most.",
)
def doctor(address: str | None, publisher: str | None, photos: tuple[str, ...], timeout: float) -> None:
    """Say of a connection what works, what does not, and what to do; nothing is fired or changed.

    ADDRESS is tcp://rig-pc, a request endpoint, or sim:24.  [default: $RIGKIT_ADDRESS, tcp://127.0.0.1]. Ends with 1 if there is no
    connection, 4 if there is one and something needs hands.
    """
    import shutil

    from rigkit.doctor import as_text, examine
    from rigkit.errors import UnknownName

    pairs = [pair.partition("=") for pair in photos]
    if any(not (there.strip() and here.strip()) for there, _, here in pairs):
        raise click.UsageError("--photos: give THERE=HERE, such as D:/scans=/mnt/rig")
    try:
        mapping = {there.strip(): here.strip() for there, _, here in pairs}
        table = examine(address, publisher=publisher, photos=mapping, timeout=timeout)
    except (UnknownName, ValueError) as exc:
        raise click.UsageError(str(exc)) from None
    _echo(as_text(table, min(120, shutil.get_terminal_size().columns)))
    if not table.attrs["connects"]:
        sys.exit(1)
    if (table["ok"] == False).any():  # noqa: E712 - <NA> is neither
        sys.exit(_ExitCode.NEEDS_OPERATOR)


@main.command()
@click.option(
    "--idle", type=click.FloatRange(0, min_open=True), help="End after so many seconds with no notebook and no event."
)
@click.option(
    "--companion", is_flag=True, hidden=True, help="Started by connect(recorder=True), which owns the session."
)
@click.option("-v", "--verbose", is_flag=True, help="Say every 5 s what is heard.")
@_connecting
def record(
    address: str | None,
    publisher: str | None,
    session: str | None,
    idle: float | None,
    companion: bool,
    verbose: bool,
) -> None:
    """Record what an application says until Ctrl-C, whatever becomes of notebooks. rigkit.connect() finds it and uses it."""
    import time

    from rigkit.address import parse_address
    from rigkit.record.folder import next_folder
    from rigkit.recorder import Recorder, Tally, until_signalled

    where = parse_address(address, publisher)
    if where.cameras:
        raise click.UsageError("a recorder needs an application that runs: start rigkit sim, and give its endpoints")
    ended = until_signalled()
    folder = Path(session) if session else next_folder(Path("scans"), time.strftime("%Y-%m-%d"))
    with Recorder(where, folder.resolve(), by_hand=not companion) as recorder:
        click.echo(f"session {recorder.folder}\nlistening to {where.publisher}")
        sys.stdout.flush()
        report = Tally(recorder, _EACH_S, click.echo) if verbose else None
        recorder.run(ended, idle_s=idle, each_slice=report)
    click.echo(f"recorded {recorder.recorded} messages")
