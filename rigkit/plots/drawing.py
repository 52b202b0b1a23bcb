"""What all plots share: colours, a figure of their own, what stands above the data, scales, pictures."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = [
    "BLUE",
    "COLOURS",
    "DARK_GREY",
    "DARK_WARNING",
    "DASHES",
    "GREY",
    "LABEL_PT",
    "NOTE_PT",
    "ORANGE",
    "PALE_BLUE",
    "PALE_GREY",
    "PALE_ORANGE",
    "PALE_WARNING",
    "ROWS_IN",
    "ROW_IN",
    "SKY",
    "WARNING",
    "apart",
    "bar",
    "clean",
    "diverging",
    "head",
    "inner_pt",
    "made_by",
    "nothing",
    "numbers",
    "own_axes",
    "png",
    "room_pt",
    "rounded_up",
    "spaced",
]

# Okabe and Ito (2008), "Color Universal Design"; the pale tones are the same hues towards white.
BLUE, SKY, ORANGE, WARNING, DARK_WARNING, GREY = "#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#8C3D00", "#7A7A7A"
PALE_BLUE, PALE_ORANGE, PALE_WARNING, PALE_GREY = "#B5D7EC", "#FBE6BC", "#F9DCCB", "#E8E8E8"
DARK_GREY = "#4A4A4A"
#: For what has no rank. Together with DASHES: eight curves that can be told apart without their colours.
COLOURS = (BLUE, WARNING, "#009E73", "#CC79A7", ORANGE, SKY, "#000000", "#8C8200")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)), (0, (3, 1, 3, 3)))

LABEL_PT, NOTE_PT = 8.0, 7.5
#: Height of a row (a camera), in inches: generous for few cameras, and 200 of them still fit a printed page.
ROW_IN, ROWS_IN = 0.2, 9.0


def clean(value: Any, most: int = 18) -> str:
    """Text from outside, safe to draw: one line, no control characters, no mathtext, at most ``most`` characters."""
    import pandas as pd

    text = "" if pd.isna(value) else str(value)
    text = "".join(char if char.isprintable() else " " for char in text[: most + 1]).strip()
    return (text if len(text) <= most else text[: most - 1] + "…").replace("$", r"\$")


def numbers(table: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return a column as floats, ``<NA>`` as NaN."""
    return np.asarray(table[column].to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)


def own_axes(width_in: float, height_in: float) -> Axes:
    """Axes in a figure of their own, without pyplot (which would keep the figure alive and may want a window)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def room_pt(ax: Axes) -> tuple[float, float]:
    """Width and height of the Axes in points, near enough before the layout is settled."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    box = ax.get_position()
    width_in, height_in = figure.get_size_inches()
    return float(box.width * width_in * 72), float(box.height * height_in * 72)


def inner_pt(ax: Axes) -> tuple[float, float]:
    """Width and height of the Axes in points once the layout is settled, colour bar and labels taken off.

    Exact only after drawing, which would take a fifth of a second: in a figure of one plot this is within a tenth of it.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    if figure.get_layout_engine() is None or len(figure.axes) > 1:
        return room_pt(ax)
    width_in, height_in = figure.get_size_inches()
    return max(float(width_in) * 72 - 115, 20.0), max(float(height_in) * 72 - 110, 20.0)


def nothing(ax: Axes, title: str, text: str, table: pd.DataFrame | None) -> Axes:
    """Say in words why there is nothing to see."""
    head(ax, title, table)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    wide = max(24, int(room_pt(ax)[0] / (10 * 0.52)))
    said = "\n".join(line for part in text.split("\n") for line in textwrap.wrap(part, wide) or [""])
    ax.text(0.5, 0.5, said, ha="center", va="center", transform=ax.transAxes, color=GREY, fontsize=10)
    return ax


def head(
    ax: Axes,
    title: str,
    table: pd.DataFrame | None,
    entries: Sequence[tuple[Any, str]] = (),
    columns: int = 1,
    about: str = "",
) -> None:
    """Write above the data: title, the word *simulated* where it applies, what it rests on, and the legend.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        The data are below it, untouched by all of this.
    title : str
        One line, already clean.
    table : pandas.DataFrame or None
        Its column ``simulated`` is looked at; None, or a table without it: not known, nothing is said.
    entries : sequence of (handle, label)
        The legend.
    columns : int
        Of the legend.
    about : str
        Evidence, n, steps: small, between title and legend, on as many lines as it takes.
    """
    legend_pt = 13 * -(-len(entries) // columns)
    lines = textwrap.wrap(about, max(24, int(inner_pt(ax)[0] / (NOTE_PT * 0.47))))
    pad = 6 + legend_pt + (NOTE_PT * 1.3 * len(lines) + 2 if lines else 0)
    ax.set_title(title, loc="left", fontsize=10, fontweight="bold", pad=pad)
    if lines:
        ax.annotate(
            "\n".join(lines),
            (0, 1),
            xytext=(0, legend_pt + 4),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=NOTE_PT,
            color=DARK_GREY,
            va="bottom",
            annotation_clip=False,
        )
    note = made_by(table)
    if note:
        ax.set_title(note, loc="right", fontsize=NOTE_PT, style="italic", color=GREY, pad=pad)
    if entries:
        ax.legend(
            *zip(*entries, strict=True),
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=columns,
            frameon=False,
            fontsize=NOTE_PT,
            borderaxespad=0.2,
            borderpad=0.1,
            handlelength=1.6,
            columnspacing=1.4,
        )
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=LABEL_PT)


def made_by(table: pd.DataFrame | None) -> str:
    """Say whether what a table holds was simulated; empty: it was not, or the table does not tell."""
    if table is None or "simulated" not in table.columns:
        return ""
    simulated = table["simulated"].fillna(False).astype(bool)
    if not simulated.any():
        return ""
    return "simulated" if simulated.all() else "partly simulated"


def spaced(n: int, room_pt: float, each_pt: float, first: Iterable[int]) -> list[int]:
    """Choose the indices to label so that no two labels touch; those in ``first`` are chosen before the others."""
    apart = max(1, int(np.ceil(n * each_pt / max(room_pt, 1.0))))
    taken = np.zeros(n, dtype=bool)
    chosen: list[int] = []
    for index in [*first, *range(0, n, apart)]:
        if not taken[max(0, index - apart + 1) : index + apart].any():
            taken[index] = True
            chosen.append(index)
    return sorted(chosen)


def apart(wanted: NDArray[np.float64], least: float, low: float, high: float) -> NDArray[np.float64]:
    """Move places (of labels) as little as needed so that neighbours are ``least`` apart and all lie within bounds.

    Parameters
    ----------
    wanted : numpy.ndarray
        float64, shape (n,): where each would like to be.
    least : float
        Between neighbours, in the same unit; less where n of them do not fit.
    low, high : float
        The bounds.

    Returns
    -------
    numpy.ndarray
        float64, shape (n,), in the order of ``wanted``.
    """
    n = len(wanted)
    if not n:
        return wanted
    least = min(least, (high - low) / max(n - 1, 1))
    order = np.argsort(wanted, kind="stable")
    steps = np.arange(n) * least
    up = np.maximum.accumulate(wanted[order] - steps) + steps
    down = (np.minimum.accumulate((wanted[order] - steps)[::-1])[::-1]) + steps
    placed = np.clip((up + down) / 2 - steps, low, high - steps[-1]) + steps
    moved = np.empty(n)
    moved[order] = placed
    return moved


def rounded_up(value: float) -> float:
    """Round up to the next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten; 1 where it is not a positive number."""
    if not (np.isfinite(value) and value > 0):
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    steps = np.array([1, 1.5, 2, 3, 4, 5, 6, 8, 10])
    return float(steps[np.searchsorted(steps, value / power * (1 - 1e-9))] * power)


def diverging() -> Colormap:
    """Make the colours of values around 0: blue below, near white at 0, vermilion above, equally dark at both ends."""
    from matplotlib.colors import LinearSegmentedColormap

    tones = ["#003B5C", BLUE, "#8FC3E3", "#F7F7F7", "#F3B48D", WARNING, "#6E2F00"]
    return LinearSegmentedColormap.from_list("rigkit diverging", tones)


def bar(ax: Axes, colours: Any, label: str, extend: str) -> None:
    """Put a colour bar beside the Axes, with its unit, as high as can be read at a glance."""
    figure = ax.get_figure(root=False)
    assert figure is not None
    height_in = room_pt(ax)[1] / 72
    legend = figure.colorbar(
        colours, ax=ax, extend=extend, pad=0.02, fraction=0.05, shrink=min(1.0, 3.0 / height_in), aspect=24
    )
    legend.set_label(label, fontsize=LABEL_PT)
    legend.ax.tick_params(labelsize=LABEL_PT)
    legend.outline.set_visible(False)


def png(drawn: Axes | Figure, width_in: float | None = None, height_in: float | None = None, dpi: int = 120) -> bytes:
    """Render Axes or a figure as a PNG.

    Parameters
    ----------
    drawn : matplotlib.axes.Axes or matplotlib.figure.Figure
        What to render; of Axes, the whole figure they are in.
    width_in, height_in : float or None
        Size in inches; None: as the figure is. The figure itself keeps its size.
    dpi : int
        Pixels per inch.
    """
    from io import BytesIO

    from matplotlib.figure import Figure

    figure = drawn if isinstance(drawn, Figure) else drawn.get_figure(root=True)
    assert isinstance(figure, Figure)
    size, buffer = figure.get_size_inches().copy(), BytesIO()
    try:
        figure.set_size_inches(width_in or size[0], height_in or size[1])
        figure.savefig(buffer, format="png", dpi=dpi)
    finally:
        figure.set_size_inches(*size)
    return buffer.getvalue()
