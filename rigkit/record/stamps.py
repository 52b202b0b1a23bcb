"""Whose clock PhotoDateCaptured shows: the camera's, or the host's. Pure: tables in, a verdict with its evidence out.

No public source says where the application takes the value from, so it is found out from the photos of a session. Two explanations
are held against them: *the camera* made it (then it is what the file's EXIF says, to the coarser of the two resolutions), or *the host*
did (then it lies close to the moment at which the host first spoke of the photo). A verdict is given where one explanation fits
and the other does not, or where both fit and the digits decide; otherwise it is ``unknown``.

**A host-made stamp yields no skew.** It tells when the computer dealt with a photo, not when a shutter opened: differences between
cameras are those of cables, queues and threads. Only stamps of origin ``camera`` may go into an estimate of timing, and only a
session's ``t_exif`` may replace them where the origin is ``host`` or ``unknown``.

Neither clock gives a zone, and EXIF seldom does: differences are taken modulo a quarter of an hour, which all zones are
multiples of. So a camera set to another zone does not look like a clock of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from rigkit.record.tables import parse_captured

if TYPE_CHECKING:
    from collections.abc import Hashable

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]

__all__ = ["INPUT", "StampOrigin", "Verdict", "classify_origin"]

Origin = Literal["camera", "host", "unknown"]

#: The columns that :func:`classify_origin` needs.
INPUT = ("camera_key", "captured_first", "captured_last", "t_exif", "subsec_digits", "first_heard")

#: Fewer photos prove nothing: that five host stamps all end in 0 by chance has a probability of 1e-5, that two do of 1e-2.
MIN_PHOTOS = 5
#: This share of the photos counts as all: one in twenty may be a file that was edited, or an event that was held up.
ALMOST_ALL = 0.95
#: Below this share the photos speak against an explanation; between the two they say nothing.
HALF = 0.5
#: So far (s) from the first news of a photo the host may have stamped it: release to news takes 0.1 to 0.6 s on tethered bodies,
#: and the clocks of two computers of one network agree to some 10 ms. Cameras set by SyncClocks stay within it too, for hours:
#: closeness to the host alone proves nothing.
HOST_WITHIN_S = 1.0
#: Zones differ by multiples of this (s).
_ZONE_S = 900.0
#: Agreement with EXIF to less than this (ms) is no accident even where the camera's clock is right: what a host stamps comes
#: 100 ms and more after the exposure, by an amount that changes from shot to shot.
_TELLING_MS = 100.0
#: Of milliseconds that nobody cut, 90 % do not end in 0. Below half it is a mix of sources.
_FINE_SHARE = 0.5
#: From this step (ms) on, EXIF (none or two digits of sub-seconds) can't be where milliseconds come from.
_COARSE_EXIF_MS = 10.0
#: So many of the cameras that can be judged alone must agree. Not all: a few whose clock is right to 10 ms may look like the other
#: kind.
_MOST = 0.8


class Verdict(NamedTuple):
    """Whose clock stamped the photos of a rig or of a camera, and by what evidence.

    Attributes
    ----------
    origin : {"camera", "host", "unknown"}
        Of PhotoDateCaptured as it stands in the end, after the download.
    origin_before : {"camera", "host", "unknown"}
        Of the value at the first news of the photo; the same as ``origin`` unless the value changes with the download.
    n : int
        Photos with a PhotoDateCaptured.
    n_exif, n_news : int
        Of these, with a time in EXIF; with the host's first news.
    equal_exif : float or None
        Share of ``n_exif`` that equals EXIF to the coarser resolution of the two; None: no EXIF.
    near_host : float or None
        Share of ``n_news`` that lies within :data:`HOST_WITHIN_S` of the news; None: no news.
    changed : float or None
        Share of the photos whose value is another one after the download; None: no photos.
    step_ms : float or None
        What the values are multiples of, as far as the photos show: 1, 10, 100 or 1000; None: too few photos.
    news_after_s : float or None
        Median of first news minus PhotoDateCaptured, s, modulo 15 min; None: no news.
    reason : str
        The verdict in a sentence.
    """

    origin: Origin
    origin_before: Origin
    n: int
    n_exif: int
    n_news: int
    equal_exif: float | None
    near_host: float | None
    changed: float | None
    step_ms: float | None
    news_after_s: float | None
    reason: str


class StampOrigin(NamedTuple):
    """Verdicts on a session.

    Attributes
    ----------
    rig : Verdict
        On all photos together.
    cameras : pandas.DataFrame
        One row per camera, index ``camera_key``, the fields of :class:`Verdict`. Where a camera's own photos fit both
        explanations, which happens when its clock is right, the rig's verdict is taken.
    """

    rig: Verdict
    cameras: pd.DataFrame


class _Photos(NamedTuple):
    """The photos of a rig or a camera: milliseconds of local time since 1970, NaN where not known."""

    first: Floats
    last: Floats
    exif: Floats
    exif_step: Floats
    news: Floats

    def of(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> _Photos:
        return _Photos(*(part[chosen] for part in self))


class _Evidence(NamedTuple):
    """What speaks for and against; see :class:`Verdict`."""

    n: int
    n_exif: int
    n_news: int
    equal: float | None
    near: float | None
    step_ms: float
    exif_ms: float
    fine: bool
    same_second: float | None
    news_after_s: float | None

    @property
    def fits_camera(self) -> bool:
        return self.n_exif >= MIN_PHOTOS and (self.equal or 0.0) >= ALMOST_ALL

    @property
    def fits_host(self) -> bool:
        return self.n_news >= MIN_PHOTOS and (self.near or 0.0) >= ALMOST_ALL

    @property
    def finer_than_exif(self) -> bool:
        """The values have milliseconds, and EXIF has none to give.

        Not so where EXIF has whole seconds that are those of the values throughout: it may have lost its sub-seconds on
        the way, as some routes of transfer do. What a host made 100 ms and more later is in another second now and then.
        """
        lost = self.exif_ms >= 1000.0 and (self.same_second or 0.0) >= ALMOST_ALL
        return self.fine and self.exif_ms >= _COARSE_EXIF_MS and not lost

    @property
    def equality_tells(self) -> bool:
        """A host's stamp would not have equalled EXIF: the agreement is too close, or the host's clock is elsewhere."""
        elsewhere = self.n_news >= MIN_PHOTOS and (self.near or 0.0) <= HALF
        return elsewhere or max(self.step_ms, self.exif_ms) < _TELLING_MS


def classify_origin(photos: pd.DataFrame) -> StampOrigin:
    """Find out whose clock PhotoDateCaptured shows.

    Parameters
    ----------
    photos : pandas.DataFrame
        One row per photo, in any order, with the columns

        - ``camera_key``;
        - ``captured_first``, ``captured_last`` : PhotoDateCaptured, as text or as local times, before the download, where the
          photo was announced on the camera (else missing), and as it stands now;
        - ``t_exif``, ``subsec_digits`` : as :func:`rigkit.record.exif.read_many` gives them; ``NaT`` where no file was read;
        - ``first_heard`` : the host's wall clock at the first news of the photo, UTC; ``NaT`` where none was heard.

    Returns
    -------
    StampOrigin
        For the rig and per camera. **Stamps of origin host yield no skew**, see the module.

    Raises
    ------
    ValueError
        A column is missing.

    Notes
    -----
    Rules, with their thresholds as constants of this module. *Equal to EXIF* and *not near the host's news*: camera. *Near*, and *not
    equal* or with milliseconds where EXIF has two digits or none: host. Both: the closer the agreement with EXIF, the less can
    it be chance, so below 100 ms camera; in whole seconds unknown. Neither, or too few files with EXIF: unknown. A clock that is
    wrong or stepped moves EXIF and a camera's stamp alike, so neither hides the answer.
    """
    import numpy as np

    lacking = [name for name in INPUT if name not in photos.columns]
    if lacking:
        raise ValueError(f"classify_origin: no column {', '.join(lacking)}; it needs {', '.join(INPUT)}")
    everything = _measured(photos)
    rows = photos.groupby("camera_key", sort=True, observed=True).indices
    parts = {key: everything.of(np.asarray(which)) for key, which in rows.items()}
    rig = _agreed(_verdict(everything, "of the rig", None), [_verdict(one, "", None).origin for one in parts.values()])
    return StampOrigin(rig, _table({key: _verdict(one, "of this camera", rig) for key, one in parts.items()}))


def _agreed(rig: Verdict, alone: list[Origin]) -> Verdict:
    """Take the rig's verdict back where its cameras, each judged by its own photos alone, are of two minds."""
    camera, host = alone.count("camera"), alone.count("host")
    if max(camera, host) >= _MOST * (camera + host):
        return rig
    reason = f"the cameras differ ({camera} camera, {host} host, {len(alone) - camera - host} unknown): look at them one by one"
    return rig._replace(origin="unknown", origin_before="unknown", reason=reason)


def _table(verdicts: dict[Hashable, Verdict]) -> pd.DataFrame:
    import pandas as pd

    kinds = {
        "origin": "string",
        "origin_before": "string",
        "reason": "string",
        "n": "Int64",
        "n_exif": "Int64",
        "n_news": "Int64",
    }
    columns = {
        name: pd.array([getattr(one, name) for one in verdicts.values()], dtype=kinds.get(name, "Float64"))  # type: ignore[call-overload]
        for name in Verdict._fields
    }
    return pd.DataFrame(columns, index=pd.Index(list(verdicts), name="camera_key"))


def _measured(photos: pd.DataFrame) -> _Photos:
    """Turn the columns into numbers."""
    import numpy as np
    import pandas as pd

    def captured(name: str) -> Floats:
        if pd.api.types.is_datetime64_dtype(photos[name].dtype):
            return _milliseconds(pd.DatetimeIndex(photos[name]))
        return _milliseconds(pd.DatetimeIndex([parse_captured(text) for text in photos[name]], dtype="datetime64[us]"))

    heard = pd.DatetimeIndex(pd.to_datetime(photos["first_heard"], utc=True)).tz_localize(None)
    exif = _milliseconds(pd.DatetimeIndex(photos["t_exif"]))
    digits = photos["subsec_digits"].astype("Float64").to_numpy(dtype=float, na_value=0.0)
    # What the digits promise is the best case; a clock that is read in whole seconds writes "00".
    exif_step = np.maximum(1000.0 / 10.0 ** np.clip(digits, 0, 9), _steps(exif, photos["camera_key"]))
    last = captured("captured_last")
    first = captured("captured_first")
    return _Photos(np.where(np.isnan(first), last, first), last, exif, exif_step, _milliseconds(heard))


def _milliseconds(times: pd.DatetimeIndex) -> Floats:
    import numpy as np

    naive = times.as_unit("us").to_numpy()
    return np.where(np.isnat(naive), np.nan, naive.astype(np.int64) / 1000.0)


def _step(values: Floats) -> float:
    """Return what almost all values are multiples of: 1000, 100, 10 or 1 (ms); of too few values 1."""
    known = values[values == values]  # NaN is not equal to itself
    if len(known) >= MIN_PHOTOS:
        for step in (1000.0, 100.0, 10.0):
            if (known % step < 1.0).mean() >= ALMOST_ALL:
                return step
    return 1.0


def _steps(values: Floats, keys: pd.Series) -> Floats:
    """Return the step of each value's camera; bodies of two makes may stamp differently."""
    import numpy as np

    steps = np.ones(len(values))
    for rows in keys.groupby(keys.to_numpy(), observed=True).indices.values():
        steps[rows] = _step(values[rows])
    return steps


def _residual(difference_ms: Floats) -> Floats:
    """Take out what zones can make: whole quarters of an hour."""
    import numpy as np

    zone_ms = 1000.0 * _ZONE_S
    return difference_ms - zone_ms * np.round(difference_ms / zone_ms)


def _weigh(photos: _Photos, values: Floats) -> _Evidence:
    """Hold values of PhotoDateCaptured against EXIF and against the host's news."""
    import numpy as np

    known = ~np.isnan(values)
    values, photos = values[known], photos.of(known)
    step_ms = _step(values)
    exif = ~np.isnan(photos.exif)
    off = _residual(values[exif] - photos.exif[exif])
    equal = np.abs(off) < np.maximum(photos.exif_step[exif], step_ms)
    heard = ~np.isnan(photos.news)
    after_ms = _residual(photos.news[heard] - values[heard])
    # A value that was cut lies up to one step before the moment it was made.
    slack = 0.0 if step_ms == 1.0 else step_ms
    near = (after_ms >= -1000.0 * HOST_WITHIN_S) & (after_ms <= 1000.0 * HOST_WITHIN_S + slack)
    return _Evidence(
        n=len(values),
        n_exif=int(exif.sum()),
        n_news=int(heard.sum()),
        equal=float(equal.mean()) if len(equal) else None,
        near=float(near.mean()) if len(near) else None,
        step_ms=step_ms,
        exif_ms=float(np.median(photos.exif_step[exif])) if exif.any() else 1000.0,
        fine=len(values) >= MIN_PHOTOS and bool((values % 10.0 >= 1.0).mean() >= _FINE_SHARE),
        same_second=float(((off >= 0.0) & (off < 1000.0)).mean()) if len(off) else None,
        news_after_s=float(np.median(after_ms)) / 1000.0 if len(near) else None,
    )


def _verdict(photos: _Photos, whose: str, rig: Verdict | None) -> Verdict:
    """Judge the photos of the rig (``rig`` None) or of a camera, and the values before the download where they differ."""
    import numpy as np

    evidence = _weigh(photos, photos.last)
    origin, reason = _judged(evidence, whose, None if rig is None else rig.origin)
    known = ~np.isnan(photos.last)
    changed = float((photos.first[known] != photos.last[known]).mean()) if known.any() else None
    before = origin
    if changed is not None and changed > 1.0 - ALMOST_ALL:
        before, why = _judged(_weigh(photos, photos.first), whose, None if rig is None else rig.origin_before)
        reason = (
            f"{reason}; the value changes with the download ({changed:.0%} of the photos), before it: {before}, {why}"
        )
    enough = evidence.n >= MIN_PHOTOS
    return Verdict(
        origin=origin,
        origin_before=before,
        n=evidence.n,
        n_exif=evidence.n_exif,
        n_news=evidence.n_news,
        equal_exif=evidence.equal,
        near_host=evidence.near,
        changed=changed,
        step_ms=evidence.step_ms if enough else None,
        news_after_s=evidence.news_after_s,
        reason=reason,
    )


def _judged(seen: _Evidence, whose: str, rig: Origin | None) -> tuple[Origin, str]:
    """Decide, and say why in a sentence."""
    if seen.n < MIN_PHOTOS:
        return "unknown", f"{seen.n} photos {whose} have a PhotoDateCaptured; {MIN_PHOTOS} are needed"
    equal, near = _shares(seen)
    coarse = "; in whole seconds always, so nothing finer can be read from it" if seen.step_ms == 1000.0 else ""
    finer = f"with milliseconds, where EXIF has steps of {seen.exif_ms:.0f} ms"
    if seen.fits_camera and seen.fits_host and rig is not None and rig != "unknown":
        return rig, f"its clock is right, so that both fit ({equal}; {near}): the rig's verdict is taken{coarse}"
    if seen.fits_camera and not (seen.fits_host and seen.finer_than_exif):
        if seen.equality_tells:
            return "camera", f"{equal}{coarse}"
        return "unknown", f"{equal}, which is too coarse to tell, and {near}: either clock fits"
    if seen.fits_host and seen.n_exif < MIN_PHOTOS:
        lacking = f"EXIF of {seen.n_exif} photos can't exclude the camera; {MIN_PHOTOS} files are needed"
        return "unknown", f"{near}, but {lacking}"
    if seen.fits_host and seen.finer_than_exif:
        return "host", f"{near}, {finer}"
    if seen.fits_host and (seen.equal or 0.0) <= HALF:
        return "host", f"{near}; {equal}{coarse}"
    return "unknown", f"neither clock fits nearly all photos: {equal}; {near}{coarse}"


def _shares(seen: _Evidence) -> tuple[str, str]:
    """Say how many equal EXIF, and how many lie near the news."""
    to = max(seen.step_ms, seen.exif_ms)
    equal = "no file's EXIF was read"
    if seen.equal is not None:
        equal = f"equal to EXIF to {to:.0f} ms in {round(seen.equal * seen.n_exif)} of {seen.n_exif} photos"
    near = "no news of the host to compare with"
    if seen.near is not None:
        near = f"within {HOST_WITHIN_S:g} s of the host's first news in {round(seen.near * seen.n_news)} of {seen.n_news} photos"
    return equal, near
