"""Who should be there: the layout of the rig, bodies that are swapped, and what is said of it when connecting."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rigkit.account.silence import AWAY
from rigkit.cameras import Cameras
from rigkit.errors import RigError, listed
from rigkit.record.layout import Layout, Place
from rigkit.record.state import UNSEEN
from rigkit.sitting import Sitting, say

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Places", "attendance", "load_layout", "use_layout"]


class Places(Cameras):
    """Where the cameras of a rig stand."""

    @property
    def layout(self) -> Layout | None:
        """Who should be there; None: whoever is not Absent."""
        self.session.refresh()
        return self.session.state.layout

    def save_layout(self, path: str | os.PathLike[str]) -> Layout:
        """Write down who is there now: a CSV file for ``connect(layout=...)``, to be opened in any spreadsheet.

        With a layout in use, that is what is written. Without one, each camera of this Rig becomes a place called by its name.

        Parameters
        ----------
        path : path-like
            The file; one that is there is replaced.

        Returns
        -------
        Layout
            What was written.

        Raises
        ------
        LayoutError
            Two cameras have the same name; rename one (``rig[key].rename("A07")``).
        OSError
            The file can't be written.
        """
        layout = self.layout
        if layout is None:
            cameras = [self.session.state.cameras[key] for key in self.keys]
            layout = Layout(
                Place(
                    position=camera.name or camera.key,
                    serial=str(camera.get("CameraSerialNumber") or ""),
                    name=camera.name,
                    groups=(camera.group,) if camera.group else (),
                )
                for camera in cameras
            )
        layout.save(path)
        return layout

    def replace(self, position: str, *, serial: str) -> pd.DataFrame:
        """Say that another body stands at a position now; what the one before did there stays its own.

        Parameters
        ----------
        position : str
            Where, as the layout calls it.
        serial : str
            Serial number of the body that stands there from now on.

        Returns
        -------
        pandas.DataFrame
            The row of ``cameras`` for that position.

        Raises
        ------
        RigError
            There is no layout, or the Rig is closed.
        LayoutError
            That body stands elsewhere; ``rig.swap`` exchanges two.
        UnknownName
            The layout has no such position.
        """
        layout = self._need_layout()
        before = layout[position].serial
        self._change(
            layout.replaced(position, str(serial)), f"replaced {position}: {before or 'no serial'} by {serial}"
        )
        return self._at(position)

    def swap(self, position: str, other: str) -> pd.DataFrame:
        """Say that the bodies of two positions have changed places.

        Parameters
        ----------
        position, other : str
            The two, as the layout calls them.

        Returns
        -------
        pandas.DataFrame
            Their rows of ``cameras``.

        Raises
        ------
        RigError
            There is no layout, or the Rig is closed.
        UnknownName
            The layout has no such position.
        """
        self._change(self._need_layout().swapped(position, other), f"swapped {position} and {other}")
        return self._at(position, other)

    def _need_layout(self) -> Layout:
        layout = self.layout
        if layout is None:
            raise RigError(
                "this rig has no layout to change. rig.save_layout('rig.csv') writes one down, connect(layout='rig.csv') uses it"
            )
        return layout

    def _change(self, layout: Layout, why: str) -> None:
        if self.session.closed:
            raise RigError("this Rig is closed, so its layout was not changed; connect again")
        use_layout(self._sitting, layout, why)
        for text in attendance(self._sitting)[1:]:
            say(text)

    def _at(self, *positions: str) -> pd.DataFrame:
        cameras = self.cameras
        return cameras[cameras["position"].isin(positions) & cameras["expected"]]


def load_layout(layout: Layout | str | os.PathLike[str] | pd.DataFrame | None) -> Layout | None:
    """Read a layout from wherever it is.

    Raises
    ------
    LayoutError
        It can't be read; every problem is named with its row.
    """
    if layout is None or isinstance(layout, Layout):
        return layout
    if isinstance(layout, str | os.PathLike):
        return Layout.load(layout)
    return Layout.from_frame(layout)


def use_layout(sitting: Sitting, layout: Layout, why: str) -> None:
    """Note a layout; it holds from now on, and the next sitting begins with it.

    Parameters
    ----------
    sitting : Sitting
        The connection.
    layout : Layout
        Who should be there.
    why : str
        For the record.
    """
    sitting.session.log.note("layout", places=layout.to_note(), why=why)
    sitting.session.refresh()


def attendance(sitting: Sitting) -> list[str]:
    """Say who is there of those who should be: ``95 of 96 Ready; F03 (6181433) not seen``, and what to do about it.

    Parameters
    ----------
    sitting : Sitting
        The connection; with a layout.

    Returns
    -------
    list of str
        The line, and one more for cameras that stand at no place of the layout.
    """
    state, label = sitting.session.state, sitting.session.label
    members = state.members()
    ready = [key for key in members if key in state.cameras and state.cameras[key].status == "Ready"]
    unseen = [key for key in members if key.startswith(UNSEEN)]
    others = [key for key in members if key not in set(ready) | set(unseen)]
    parts = [f"{len(ready)} of {len(members)} Ready"]
    if unseen:
        parts.append(f"{listed(_named(sitting, key) for key in unseen)} not seen")
    if others:
        parts.append(listed(f"{label(key)} {state.cameras[key].status or 'unknown'}" for key in others))
    lines = ["; ".join(parts)]
    strangers = [
        camera for key, camera in list(state.cameras.items()) if camera.status not in AWAY and key not in set(members)
    ]
    if strangers and state.layout is not None:
        serials = [str(camera.get("CameraSerialNumber") or camera.key) for camera in strangers]
        named = listed(
            f"{camera.name or camera.key} ({serial})" for camera, serial in zip(strangers, serials, strict=True)
        )
        hint = ""
        if unseen:
            position = unseen[0].removeprefix(UNSEEN)
            hint = f' Should one stand in for another, say so: rig.replace("{position}", serial="{serials[0]}")'
        lines.append(f"Not in the layout, so not expected to fire: {named}.{hint}")
    return lines


def _named(sitting: Sitting, key: str) -> str:
    place = sitting.session.state.place_of(key)
    assert place is not None
    return f"{place.position} ({place.serial or place.name or 'no serial in the layout'})"
