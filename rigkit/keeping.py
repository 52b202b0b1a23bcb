"""Photos, options, numbers, clocks, cards: what the application keeps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rigkit.cameras import Cameras
from rigkit.errors import RigError, UnknownName
from rigkit.filenames import set_options
from rigkit.wire import MESSAGES
from rigkit.wire.selection import photo_selection, selection
from rigkit.wire.values import python_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Keeping"]

#: What must be said, word for word, before something is done that can't be undone.
SURE = {"format": "erase all cards", "delete": "delete the files", "shutdown": "quit the application"}

_OPTIONS = {python_name(name): name for name in MESSAGES["SetOptions"].fields}


class Keeping(Cameras):
    """What the application keeps: photos, options, numbers, clocks, cards."""

    # -- photos -------------------------------------------------------------------------------------------------------

    @property
    def photos(self) -> pd.DataFrame:
        """Photos of the cameras of this Rig that the application was heard to hold; index photo_key."""
        photos = self.session.photos
        return photos[photos["camera_key"].isin(self.keys)]

    def download(self, photos: pd.DataFrame | Iterable[str] | None = None, timeout: float = 60.0) -> pd.DataFrame:
        """Fetch photos from the cards to the application's computer, and wait for them.

        Parameters
        ----------
        photos : DataFrame, iterable of str or None
            A photos table or photo keys; None: those of this Rig that are on the cameras.
        timeout : float
            Seconds.

        Returns
        -------
        pandas.DataFrame
            Their rows of ``photos``; ``location`` says which are on disk.
        """
        on_camera = self.photos
        keys = self._photo_keys(on_camera[on_camera["location"] == "Camera"] if photos is None else photos)
        if keys:
            self._sitting.demand("Download", photo_selection(keys), hint="Are their cameras connected?")
            known = self.session.state.photos
            self._sitting.wait_for(lambda: all(known[key].location == "Local Disk" for key in keys), timeout)
        return self.session.held_photos.loc[keys]

    def checksums(self, *, wait: bool = True, timeout: float | None = None) -> pd.DataFrame:
        """SHA-256 of the photo files of this Rig that are here.

        They are taken in the background from the moment of connecting, one file at a time, while the rig is not busy with a shot,
        and noted in the record; ``session.photos`` has them too, and ``session.verify()`` holds the files against them. What it
        costs is reading each file once, over the network if it is on a share, and the time of one core: 0.02 s for a photo of 25 MB
        where the processor has SHA instructions (1100 MB/s measured), some 0.1 s where it has none.

        PhotoHash, where an application sends it, is something else (column ``hash`` of ``photos``): what it is a hash of, and
        by which rule, is not known from any public source.

        Parameters
        ----------
        wait : bool
            Wait until every file that is here has one. A file that can't be read is tried again three times, within 7 s.
        timeout : float or None
            Seconds at most; None: as long as it takes.

        Returns
        -------
        pandas.DataFrame
            Index photo_key; columns position, name, path, sha256 (``<NA>``: not taken yet, or it can't be read), size_bytes.
        """
        sitting, sums = self._sitting, self.session.sums
        if wait and sums is not None and not sitting.closed:
            sitting.wait_for(sums.ask(), timeout)
        photos = self.photos
        return photos.loc[photos["path_state"] == "here", ["position", "name", "path", "sha256", "size_bytes"]]

    def transfer(self, photos: pd.DataFrame | Iterable[str]) -> pd.DataFrame:
        """Fetch photos from the other computers of a CaptureGRID network to this one (Transfer).

        Returns
        -------
        pandas.DataFrame
            Their rows of ``photos``.
        """
        keys = self._photo_keys(photos)
        self._sitting.demand("Transfer", photo_selection(keys))
        return self.session.held_photos.loc[keys]

    def rename_photos(self, name: str, photos: pd.DataFrame | Iterable[str]) -> pd.DataFrame:
        """Give photos another name in the application (RenamePhoto.PhotoComputedName).

        Parameters
        ----------
        name : str
            The new name; the application avoids collisions and keeps the extension.
        photos : DataFrame or iterable of str
            A photos table or photo keys.

        Returns
        -------
        pandas.DataFrame
            Their rows of ``photos``, with the names they got.
        """
        keys = self._photo_keys(photos)
        before = {key: self.session.state.photos[key].info.get("PhotoComputedName") for key in keys}
        self._sitting.demand("RenamePhoto", {**photo_selection(keys), "PhotoComputedName": name})
        known = self.session.state.photos
        self._sitting.wait_for(
            lambda: any(known[key].info.get("PhotoComputedName") != before[key] for key in keys), 2.0
        )
        return self.session.held_photos.loc[keys]

    def delete(self, photos: pd.DataFrame | Iterable[str], *, files: bool = False, sure: str = "") -> pd.DataFrame:
        """Remove photos from the application's list, and with ``files`` their files too.

        Parameters
        ----------
        photos : DataFrame or iterable of str
            A photos table or photo keys.
        files : bool
            Delete the files as well (Delete.DeleteFiles).
        sure : str
            With ``files``: ``"delete the files"``, word for word.

        Returns
        -------
        pandas.DataFrame
            Their rows of ``photos``.

        Raises
        ------
        RigError
            Files were to be deleted without the word, or in a 3.x application, which can't be told to; nothing was done.
        """
        keys = self._photo_keys(photos)
        if files:
            _be_sure("delete", sure)
            self._sitting.must_know("DeleteFiles", "so nothing was deleted")
        self._sitting.demand("Delete", {**photo_selection(keys), "DeleteFiles": bool(files)})
        known = self.session.state.photos
        self._sitting.wait_for(lambda: all(known[key].location == "Deleted" for key in keys), 5.0)
        return self.session.held_photos.loc[keys]

    def format(self, *, sure: str = "", anyway: bool = False) -> None:
        """Format the memory cards of ALL cameras, whatever this Rig is a part of.

        Parameters
        ----------
        sure : str
            ``"erase all cards"``, word for word.
        anyway : bool
            Also while photos are not known to be on disk.

        Raises
        ------
        RigError
            Without the word, or while photos are on the cameras only; nothing was done.
        """
        _be_sure("format", sure)
        self._sitting.synchronise()
        photos = self.session.held_photos
        left = photos[photos["location"].isin(["Camera"])]
        if len(left) and not anyway:
            raise RigError(
                f"{len(left)} photos are on the cards and not on disk, so nothing was formatted. Fetch them with rig.download(), "
                "or say anyway=True to lose them"
            )
        self._sitting.demand("Format", {})

    def _photo_keys(self, photos: pd.DataFrame | Iterable[str]) -> list[str]:
        import pandas as pd

        keys = [str(key) for key in (photos.index if isinstance(photos, pd.DataFrame) else photos)]
        self.session.refresh()
        for key in keys:
            if key not in self.session.state.photos:
                raise UnknownName("photo", key, list(self.session.state.photos))
        return keys

    # -- options and numbers ------------------------------------------------------------------------------------------

    @property
    def options(self) -> dict[str, Any]:
        """Options of the application as last heard, by snake_case names."""
        self.session.refresh()
        return {python_name(name): value for name, value in sorted(self.session.state.options.items())}

    def set_options(self, **values: Any) -> dict[str, Any]:
        """Change options of the application: ``rig.set_options(unique_tag="P017", default_storage="Both")``.

        Parameters
        ----------
        **values
            Option names in snake_case; see ``rig.options`` and OptionsInfo of the specification.

        Returns
        -------
        dict
            These options as the application reports them afterwards.

        Raises
        ------
        UnknownName
            No such option.
        Refused
            The application said no; nothing was changed.
        """
        for name in values:
            if name not in _OPTIONS:
                raise UnknownName("option", name, sorted(_OPTIONS))
        wanted = {_OPTIONS[name]: value for name, value in values.items()}
        got = set_options(self._sitting, wanted)
        return {name: got[_OPTIONS[name]] for name in values}

    def set_numbers(
        self, *, sequence: int | None = None, batch: int | None = None, level: bool = False
    ) -> pd.DataFrame:
        """Set the counters that go into file names; they concern the whole application.

        Parameters
        ----------
        sequence : int or None
            The next [S], one for all cameras (SetSequenceNum).
        batch : int or None
            The next [B] of every camera (SetBatchNum).
        level : bool
            Bring the batch numbers of all cameras back in step (SyncBatchNum).

        Returns
        -------
        pandas.DataFrame
            ``cameras``, with ``batch_next``.
        """
        if sequence is not None:
            self._sitting.demand("SetSequenceNum", {"PhotoSequenceNum": int(sequence)})
        if batch is not None:
            self._sitting.demand("SetBatchNum", {"PhotoBatchNum": int(batch)})
        if level:
            self._sitting.demand("SyncBatchNum", {})
        self._sitting.synchronise(self.keys, photos=False)
        return self.cameras

    def rename(self, name: str) -> pd.DataFrame:
        """Give this one camera a name in the application, kept with its serial number (RenameCamera).

        Raises
        ------
        ValueError
            This Rig is more than one camera.
        """
        key, cameras = self._only_key("rename"), self.session.state.cameras
        self._sitting.demand("RenameCamera", {**self._selection(), "CameraName": name})
        self._sitting.wait_for(lambda: cameras[key].name == name, 2.0)
        return self.cameras

    def _only_key(self, verb: str) -> str:
        """Return the key of the one camera that this Rig must be."""
        keys = self.keys
        if len(keys) != 1:
            raise ValueError(f"{verb} takes one camera at a time: rig['A01'].{verb}(...); this Rig has {len(keys)}")
        return keys[0]

    def set_group(self, name: str) -> pd.DataFrame:
        """Put the cameras of this Rig into a group of the application; empty: into none (SetCameraGroup)."""
        keys, cameras = self.keys, self.session.state.cameras
        # Never by a Group selection: its key and the new value would be the same field.
        self._sitting.demand("SetCameraGroup", {**selection(keys), "CameraGroup": name})
        self._sitting.wait_for(lambda: all(cameras[key].group == name for key in keys), 2.0)
        return self.cameras

    # -- the rest of the application ----------------------------------------------------------------------------------

    def sync_clocks(self, offset: int = 0) -> None:
        """Set the clocks of ALL cameras to the computer's (SyncClocks).

        Parameters
        ----------
        offset : int
            CameraDateTimeOffset; its unit is not stated by any public source.
        """
        self._sitting.demand("SyncClocks", {"CameraDateTimeOffset": int(offset)})

    def check_clocks(self) -> pd.DataFrame:
        """Ask the application to read the clocks of all cameras (CheckClocks).

        Returns
        -------
        pandas.DataFrame
            Index camera_key; columns position, datetime_offset (CameraDateTimeOffset as reported afterwards; whether it is
            the error measured or the offset asked for is not known from any public source).
        """
        import pandas as pd

        self._sitting.demand("CheckClocks", {})
        self._sitting.synchronise(self.keys, photos=False)
        rows = [
            (camera.key, self.session.label(camera.key), camera.count("CameraDateTimeOffset"))
            for camera in self._records()
        ]
        return (
            pd.DataFrame(rows, columns=["camera_key", "position", "datetime_offset"])
            .convert_dtypes()
            .set_index("camera_key")
        )

    def announce(self, text: str) -> None:
        """Broadcast a text to everybody who listens; it lands in every journal (RelayCustomText)."""
        self._sitting.demand("RelayCustomText", {"CustomText": text})

    def make_active(self) -> None:
        """Choose this one camera in the application's Camera Controls panel (SetActiveCamera, version 6).

        Raises
        ------
        ValueError
            This Rig is more than one camera.
        """
        key = self._only_key("make_active")
        self._sitting.demand("SetActiveCamera", {"CameraKey": key}, hint="The request is new in version 6.0")

    def licence(self, code: str | None) -> None:
        """Activate the application's licence with a code, or with None release it (ActivateLicense, DeactivateLicense)."""
        if code is None:
            self._sitting.demand("DeactivateLicense", {})
        else:
            self._sitting.demand("ActivateLicense", {"ActivationCode": code})

    def shutdown(self, *, sure: str = "") -> None:
        """Quit the application (Shutdown).

        Parameters
        ----------
        sure : str
            ``"quit the application"``, word for word.

        Raises
        ------
        RigError
            Without the word; nothing was done.
        """
        _be_sure("shutdown", sure)
        self._sitting.demand("Shutdown", {})


def _be_sure(verb: str, said: str) -> None:
    if said != SURE[verb]:
        raise RigError(f'{verb} can\'t be undone, so nothing was done. If you mean it: sure="{SURE[verb]}"')
