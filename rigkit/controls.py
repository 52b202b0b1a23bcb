"""What is set on the bodies: properties, focus, live view, video, zoom."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rigkit import settings
from rigkit.cameras import Cameras
from rigkit.wire.values import property_named

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Controls"]

#: How long a camera may take to report what it was told, s.
_REPORT_S = 3.0


class Controls(Cameras):
    """Cameras whose dials can be turned from here."""

    def set(self, **values: Any) -> pd.DataFrame:
        """Set properties on all cameras of this Rig and read them back: ``rig.set(iso=100, aperture=8)``.

        Parameters
        ----------
        **values
            Property names in any spelling (``iso``, ``shutter_speed``); values as people write them (``8``, ``"f/8"``,
            ``"1/125"``), matched to each camera's own range.

        Returns
        -------
        pandas.DataFrame
            Index camera_key; columns position, property, asked, got, writeable, ok. One stubborn camera does not stop the
            rest.

        Raises
        ------
        UnknownName
            No such property, or no camera has such a value; nothing was set.
        """
        return settings.apply(self._sitting, self.keys, values)

    def get(self, *names: str) -> pd.DataFrame:
        """Read properties of the cameras of this Rig, asking them anew.

        Parameters
        ----------
        *names : str
            Properties in any spelling; none: all of them.

        Returns
        -------
        pandas.DataFrame
            Index (camera_key, property); columns position, value, writeable, choices.

        Raises
        ------
        UnknownName
            No such property.
        """
        kinds = [property_named(name) for name in names]
        keys = self.keys
        self._sitting.synchronise(keys, photos=False)
        table = self.session.settings
        chosen = table.index.get_level_values("camera_key").isin(keys)
        if kinds:
            chosen &= table.index.get_level_values("property").isin(kinds)
        return table[chosen]

    def step(self, **steps: int) -> pd.DataFrame:
        """Step properties along each camera's range: ``rig.step(iso=+1, aperture=-2)`` (IncrementProperty).

        Parameters
        ----------
        **steps : int
            Property names in any spelling; how many steps, the sign gives the direction.

        Returns
        -------
        pandas.DataFrame
            The properties read back, as :meth:`get` gives them.

        Raises
        ------
        UnknownName
            No such property.
        Refused
            The application said no.
        """
        kinds = {property_named(name): int(number) for name, number in steps.items()}
        before = {
            (camera.key, kind): camera.properties.get(kind, {}).get("CameraPropertyValue")
            for camera in self._records()
            for kind in kinds
        }
        for kind, number in kinds.items():
            fields = {"CameraPropertyType": kind, "CameraPropertyStep": number}
            self._sitting.demand("IncrementProperty", {**self._selection(), **fields})

        def stepped() -> bool:
            cameras = self.session.state.cameras
            return all(
                cameras[key].properties[kind].get("CameraPropertyValue") != value
                for (key, kind), value in before.items()
            )

        self._sitting.wait_for(stepped, _REPORT_S / 3)  # at the end of its range a camera has nothing to report
        return self.get(*kinds)

    def autofocus(self, timeout: float = 10.0) -> pd.DataFrame:
        """Focus all cameras of this Rig and wait until they have.

        Parameters
        ----------
        timeout : float
            Seconds.

        Returns
        -------
        pandas.DataFrame
            Index camera_key; columns position, focused (CameraIsFocused), n_autofocus (CameraNumAutofocus), ok.
        """
        before = {camera.key: camera.count("CameraNumAutofocus") or 0 for camera in self._records()}
        self._sitting.demand(
            "Autofocus", self._selection(), hint="Does every camera have an autofocus, and is it switched on?"
        )

        def done() -> bool:
            return all(
                (camera.count("CameraNumAutofocus") or 0) > before.get(camera.key, 0) and camera.status != "Busy"
                for camera in self._records()
            )

        if not self._sitting.wait_for(done, timeout):
            self._sitting.synchronise(self.keys, photos=False)
        return self._flags(
            focused="CameraIsFocused",
            n_autofocus="CameraNumAutofocus",
            ok=lambda info, key: (
                bool(info.get("CameraIsFocused")) and (info.get("CameraNumAutofocus") or 0) > before.get(key, 0)
            ),
        )

    def live(
        self,
        on: bool = True,
        *,
        fps: int | None = None,
        zoom: bool | None = None,
        position: tuple[int, int] | None = None,
        focus: str | None = None,
        depth_of_field: bool | None = None,
    ) -> pd.DataFrame:
        """Switch live view, and steer it while it is on.

        Parameters
        ----------
        on : bool
            On or off. Switch it off before shooting: it changes how bodies release.
        fps : int or None
            Frames per second to ask for (LiveviewFPS); None: as it is.
        zoom : bool or None
            Magnified view (EnableLiveviewZoom).
        position : tuple of int or None
            Where the magnified view looks, sensor pixels (LiveviewPosition; the specification types neither number).
        focus : str or None
            One step of the focus motor: Near1, Near2, Near3, Far1, Far2, Far3 (LiveviewFocus).
        depth_of_field : bool or None
            Stopped-down preview (EnableLiveviewDOF).

        Returns
        -------
        pandas.DataFrame
            Index camera_key; columns position, live, zoom, depth_of_field, n_frames, ok.

        Raises
        ------
        Refused
            The application said no to one of it.
        """
        chosen = self._selection()
        demand = self._sitting.demand
        if fps is not None:
            demand("LiveviewFPS", {**chosen, "CameraLiveviewFPS": int(fps), "CameraLiveviewVideoFPS": int(fps)})
        if on:
            demand("EnableLiveview", {**chosen, "Enable": True}, hint="Has every camera a live view, and is it Ready?")
            self._report("CameraLiveviewIsEnabled", True)
        if zoom is not None:
            demand("EnableLiveviewZoom", {**chosen, "Enable": zoom})
        if position is not None:
            x, y = position
            demand("LiveviewPosition", {**chosen, "CameraLiveviewPositionX": int(x), "CameraLiveviewPositionY": int(y)})
        if focus is not None:
            demand("LiveviewFocus", {**chosen, "CameraLiveviewFocusStep": focus})
        if depth_of_field is not None:
            demand("EnableLiveviewDOF", {**chosen, "Enable": depth_of_field})
        if not on:
            demand("EnableLiveview", {**chosen, "Enable": False})
            self._report("CameraLiveviewIsEnabled", False)
        return self._flags(
            live="CameraLiveviewIsEnabled",
            zoom="CameraLiveviewZoomIsEnabled",
            depth_of_field="CameraLiveviewDOFIsEnabled",
            n_frames="CameraLiveviewNumFrames",
            ok=lambda info, key: info.get("CameraLiveviewIsEnabled") is on,
        )

    def video(self, on: bool = True) -> pd.DataFrame:
        """Start or stop recording video (EnableVideo); the file becomes a photo entry that is no image.

        Returns
        -------
        pandas.DataFrame
            Index camera_key; columns position, video, elapsed_ms, ok.
        """
        self._sitting.demand("EnableVideo", {**self._selection(), "Enable": on}, hint="Has every camera a video mode?")
        self._report("CameraVideoIsEnabled", on)
        return self._flags(
            video="CameraVideoIsEnabled",
            elapsed_ms="CameraVideoElapsedTime",
            ok=lambda info, key: info.get("CameraVideoIsEnabled") is on,
        )

    def zoom(self, to: int | str | None, timeout: float = 10.0) -> pd.DataFrame:
        """Move power zooms.

        Parameters
        ----------
        to : int, str or None
            Position 0 (wide) to 100 (tele); a relative move ``Tele1`` to ``Tele3`` or ``Wide1`` to ``Wide3``; None: stop.
        timeout : float
            Seconds to wait until they stand still.

        Returns
        -------
        pandas.DataFrame
            Index camera_key; columns position, zoom (CameraPowerZoomPosition), target, ok.
        """
        chosen = self._selection()
        if to is None:
            self._sitting.demand("PowerZoomStop", chosen)
        elif isinstance(to, str):
            self._sitting.demand("PowerZoomDirection", {**chosen, "CameraPowerZoomDirection": to})
        else:
            self._sitting.demand("PowerZoomPosition", {**chosen, "CameraPowerZoomPosition": int(to)})

        def still() -> bool:
            return all(camera.count("CameraPowerZoomTarget") in {-1, None} for camera in self._records())

        self._sitting.wait_for(lambda: not still(), 0.3)  # they need a moment to start
        self._sitting.wait_for(still, timeout)
        exact = isinstance(to, int)
        return self._flags(
            zoom="CameraPowerZoomPosition",
            target="CameraPowerZoomTarget",
            ok=lambda info, key: (
                info.get("CameraPowerZoomPosition") == to if exact else info.get("CameraPowerZoomTarget") == -1
            ),
        )

    def identify(self) -> None:
        """Let the cameras show themselves, as far as the bodies can (Identify).

        Raises
        ------
        Refused
            The application said no.
        """
        self._sitting.demand("Identify", self._selection())

    def _report(self, name: str, wanted: Any) -> None:
        """Wait until every camera reports a value, and ask if they don't."""

        def reported() -> bool:
            return all(camera.info.get(name) == wanted for camera in self._records())

        if not self._sitting.wait_for(reported, _REPORT_S):
            self._sitting.synchronise(self.keys, photos=False)

    def _flags(self, **columns: str | Callable[[dict[str, Any], str], Any]) -> pd.DataFrame:
        """Small table of what the cameras report: column -> CameraInfo field, or a function of (info, key)."""
        import pandas as pd

        rows = []
        for camera in self._records():
            row: dict[str, Any] = {"camera_key": camera.key, "position": self.session.label(camera.key)}
            for name, source in columns.items():
                row[name] = camera.info.get(source) if isinstance(source, str) else source(camera.info, camera.key)
            rows.append(row)
        return pd.DataFrame(rows, columns=["camera_key", "position", *columns]).convert_dtypes().set_index("camera_key")
