"""Golden settings: how the cameras of a group are to be set. Kept with the session, compared, applied again, saved.

::

    all cameras: {white_balance: Daylight}
    face: {iso: '100', aperture: f/8}
"""

from __future__ import annotations

import html
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit.account.conditions import common_settings, golden_of, holding, in_group, same_value
from rigkit.account.silence import GONE
from rigkit.cameras import Cameras
from rigkit.display.grids import plain, plural
from rigkit.errors import RigError, UnknownName, listed
from rigkit.record.columns import frame
from rigkit.record.state import UNSEEN, State
from rigkit.record.whole import write_whole
from rigkit.settings import Wanted, check_offered, give
from rigkit.sitting import Sitting
from rigkit.wire.values import property_named, python_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import yaml

__all__ = ["ALL", "Profile", "Profiles", "apply_golden", "deviations"]

#: What the whole rig is called where groups are named.
ALL = "all cameras"


@dataclass(frozen=True, repr=False)
class Profile:
    """The golden settings of one group, bound to a Rig: ``rig.profile("face")``.

    Attributes
    ----------
    group : str
        Whose; empty: all cameras of the rig.
    values : mapping of str to str
        Property, as ``rig.set`` calls it, to value as it was written.
    rig : Rig
        Whose cameras :meth:`apply` and :meth:`diff` are about: those of the group among them.
    """

    group: str
    values: Mapping[str, str] = field(hash=False)
    rig: Profiles = field(compare=False)

    def apply(self) -> pd.DataFrame:
        """Set these settings on all cameras of the group, and read them back.

        A camera on which another profile has a say in a property, as that of its group over that of the whole rig, keeps to
        the other one there.

        Returns
        -------
        pandas.DataFrame
            As ``rig.set`` gives it: index camera_key; columns position, property, asked, got, writeable, ok. One stubborn
            camera does not stop the rest; one that is away has no ``got``, and is not ``ok``.
        """
        return apply_golden(self.rig._sitting, self._wanted())

    def diff(self) -> pd.DataFrame:
        """Ask the cameras anew and say what differs from these settings.

        Returns
        -------
        pandas.DataFrame
            Index camera_key; columns position, property, wanted, found (``<NA>``: not told, as the camera is away or has no
            such property), writeable. Empty: all is as it should be.
        """
        sitting, wanted = self.rig._sitting, self._wanted()
        if wanted:
            sitting.synchronise(list(wanted), photos=False)
        return frame("diff", deviations(sitting, wanted))

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write this profile as YAML; ``rig.load_profiles`` reads it back.

        Returns
        -------
        Path
            Where it is; a file that was there is replaced.

        Raises
        ------
        RigError
            It can't be written there. What was there is as it was.
        """
        return _save(path, [self])

    def _wanted(self) -> Wanted:
        state = self.rig.session.state
        own = {property_named(name): value for name, value in self.values.items()}
        wanted = {}
        for key in self.rig.keys:
            if in_group(state, key, self.group):
                held = holding(state, key)
                mine = {kind: value for kind, value in own.items() if held.get(kind, (self.group,))[0] == self.group}
                if mine:
                    wanted[key] = mine
        return wanted

    def _table(self) -> tuple[str, pd.DataFrame]:
        """Return a heading, and one row per property: what is wanted, and who had something else when last heard."""
        import pandas as pd

        sitting, wanted = self.rig._sitting, self._wanted()
        off: dict[str, list[str]] = {}
        for row in deviations(sitting, wanted):
            off.setdefault(row["property"], []).append(
                f"{plain(row['position'], 24)} {plain(row['found'] or 'not told', 24)}"
            )
        rows = [
            (name, plain(value), listed(off.get(property_named(name), [""]), most=6))
            for name, value in self.values.items()
        ]
        table = pd.DataFrame(rows, columns=["property", "golden", "differs, as last heard"]).set_index("property")
        whole = [key for key in self.rig.keys if in_group(sitting.session.state, key, self.group)]
        settings, cameras = plural(len(self.values), "setting"), plural(len(whole), "camera")
        return f"Profile {plain(self.group) or ALL}: {settings}, {cameras}", table

    def __repr__(self) -> str:
        heading, table = self._table()
        return f"{heading}\n{table.to_string()}" if self.values else heading

    def _repr_html_(self) -> str:
        heading, table = self._table()
        return f"<p>{html.escape(heading)}</p>{table.to_html()}"


class Profiles(Cameras):
    """Cameras that have golden settings."""

    def profile(self, group: str | None = None, /, *, from_cameras: bool = False, **values: Any) -> Profile:
        """Say how the cameras of a group are to be set: ``rig.profile("face", iso=100, aperture=8)``. Nothing is set by that.

        ``rig.check()`` holds the cameras against it, ``rig.recover()`` and ``rig.apply()`` set it. It is kept with the session,
        and goes on with ``rig.begin``.

        Parameters
        ----------
        group : str or None
            A group of the layout or of the application. None: the group that this Rig is, or all cameras.
        from_cameras : bool
            Take what most cameras of the group have now, of everything that decides a picture and can be set from here.
        **values
            Properties and values as ``rig.set`` takes them. They replace those there are, others stay; None takes one out.
            None at all: the profile there is.

        Returns
        -------
        Profile
            As it is from now on.

        Raises
        ------
        UnknownName
            No such group, property, or value of any of its cameras; or there is no such profile. Nothing was changed.
        ValueError
            This Rig is some cameras that are no group.
        """
        group = self._group_named(group)
        if not values and not from_cameras:
            if group not in self.profiles:
                raise UnknownName("profile", group or ALL, [name or ALL for name in self.profiles])
            return self.profiles[group]
        named = {property_named(name): value for name, value in values.items()}
        given = {kind: str(value).strip() for kind, value in named.items() if value is not None}
        keys = _keys_in(self.session.state, group)
        if from_cameras:
            given = {**self._common(keys), **given}
        check_offered(self._sitting, keys, given)
        golden = {**self.session.state.profiles.get(group, {}), **given}
        self._note_profile(group, {kind: value for kind, value in golden.items() if named.get(kind, "") is not None})
        return self.profiles.get(group) or Profile(group, {}, self)

    @property
    def profiles(self) -> dict[str, Profile]:
        """Golden settings by group; those of the whole rig under the empty text."""
        self.session.refresh()
        return {
            group: Profile(group, {python_name(kind): value for kind, value in values.items()}, self)
            for group, values in self.session.state.profiles.items()
        }

    def apply(self, what: Profile | str | os.PathLike[str] | None = None) -> pd.DataFrame:
        """Set the golden settings on the cameras of this Rig, and read them back.

        Parameters
        ----------
        what : Profile, str, path-like or None
            A profile; the name of a group that has one; a file of profiles, which then hold from now on. None: all there are.

        Returns
        -------
        pandas.DataFrame
            As :meth:`Profile.apply` gives it.

        Raises
        ------
        RigError
            There are no golden settings.
        ValueError, UnknownName
            As :meth:`load_profiles` does; nothing was set.
        """
        if isinstance(what, Profile):
            return Profile(what.group, what.values, self).apply()
        if isinstance(what, str) and what in self.profiles:
            return self.profiles[what].apply()
        if what is not None:
            if not Path(what).is_file():
                raise UnknownName(
                    "profile, nor file of profiles,", os.fspath(what), [one or ALL for one in self.profiles]
                )
            self.load_profiles(what)
        if not self.profiles:
            raise RigError('there are no golden settings, so nothing was set: rig.profile("face", iso=100) makes some')
        golden = {key: golden_of(self.session.state, key) for key in self.keys}
        return apply_golden(self._sitting, {key: values for key, values in golden.items() if values})

    def save_profiles(self, path: str | os.PathLike[str]) -> Path:
        """Write all golden settings as YAML: ``{face: {iso: '100', aperture: f/8}}``, those of the whole rig as ``all cameras``.

        Returns
        -------
        Path
            Where it is; a file that was there is replaced.

        Raises
        ------
        RigError
            It can't be written there. What was there is as it was.
        """
        return _save(path, list(self.profiles.values()))

    def load_profiles(self, path: str | os.PathLike[str]) -> dict[str, Profile]:
        """Take golden settings from a YAML file, as :meth:`save_profiles` writes it, in place of those of the same groups.

        Returns
        -------
        dict of str to Profile
            All there are now.

        Raises
        ------
        ValueError
            Something in it is wrong: every problem is named with its line, group and property, and nothing was changed.
        """
        found, problems = _read_profiles(Path(path))
        loaded: dict[str, dict[str, str]] = {}
        for where, name, values in found:
            try:
                group = self._group_named(name)
                check_offered(self._sitting, _keys_in(self.session.state, group), values)
            except UnknownName as exc:
                problems.append(f"{where}: {exc}")
            else:
                if group in loaded:
                    problems.append(f"{where}: is there twice, as {group or ALL}")
                loaded[group] = values
        if problems:
            raise ValueError(f"{path}: nothing was taken over. " + "; ".join(problems[:12]))
        for group, values in loaded.items():
            self._note_profile(group, values)
        return self.profiles

    def _common(self, keys: list[str]) -> dict[str, str]:
        """Ask cameras anew what most of them have.

        Raises
        ------
        RigError
            None of them tells.
        """
        if keys:
            self._sitting.synchronise(keys, photos=False)
        common = common_settings(self.session.state, keys)
        if not common:
            raise RigError("no camera of this group tells its settings, so there is nothing to take: are they Ready?")
        return common

    def _group_named(self, group: str | None) -> str:
        """Find the group that a profile is about; empty: all cameras.

        Raises
        ------
        UnknownName
            There is no such group.
        ValueError
            None was named, and this Rig is none.
        """
        if group is None:
            if self._keys is not None and not self._group:
                raise ValueError(
                    f"{self._name}: golden settings belong to a group, and these cameras are none. Name one: "
                    'rig.profile("face", ...), or put them into one (groups of the layout, or rig[...].set_group("face"))'
                )
            return self._group
        if group in {"", ALL}:
            return ""
        state = self.session.state
        if group not in self.profiles and not any(in_group(state, key, group) for key in state.members()):
            raise UnknownName("group", group, self.groups)
        return group

    def _note_profile(self, group: str, values: Mapping[str, str]) -> None:
        """Note golden settings, and warn where two groups of one camera want different things."""
        self.session.log.note("profile", group=group, values=dict(values))
        self.session.refresh()
        state = self.session.state
        disputes: dict[str, list[str]] = {}
        for key in _keys_in(state, group) if group else ():
            for other, theirs in state.profiles.items():
                if other in {"", group} or not in_group(state, key, other):
                    continue
                for kind in values.keys() & theirs.keys():
                    if not same_value(values[kind], theirs[kind]):
                        holds = holding(state, key)[kind][1]
                        about = f"{python_name(kind)} is {values[kind]} in {group} and {theirs[kind]} in {other}; {holds} holds"
                        disputes.setdefault(about, []).append(self.session.label(key))
        if disputes:
            told = ". ".join(f"For {listed(who)}, {about}" for about, who in disputes.items())
            warnings.warn(f"cameras are in two groups with golden settings. {told}", RuntimeWarning, stacklevel=3)


def apply_golden(sitting: Sitting, wanted: Wanted) -> pd.DataFrame:
    """Give each camera its golden settings; those that are away stay as they are, and are not ok."""
    import pandas as pd

    cameras = sitting.session.state.cameras
    table = give(sitting, {key: values for key, values in wanted.items() if cameras[key].status not in GONE})
    away = [
        {"camera_key": key, "property": kind, "position": sitting.session.label(key), "asked": value, "ok": False}
        for key, values in wanted.items()
        if cameras[key].status in GONE
        for kind, value in values.items()
    ]
    return pd.concat([table, frame("set", away)]) if away else table


def deviations(sitting: Sitting, wanted: Wanted) -> list[dict[str, Any]]:
    """List what cameras have, as last heard, instead of what they should have: rows of the ``diff`` table."""
    return list(_deviations(sitting, wanted))


def _deviations(sitting: Sitting, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for key, values in wanted.items():
        camera = sitting.session.state.cameras[key]
        there = camera.status not in GONE
        for kind, value in values.items():
            # Of a camera that is away nothing is known.
            found, writeable = (camera.setting(kind), camera.writeable(kind)) if there else (None, None)
            if found is None or not same_value(value, found):
                yield {
                    "camera_key": key,
                    "position": sitting.session.label(key),
                    "property": kind,
                    "wanted": value,
                    "found": found,
                    "writeable": writeable,
                }


def _keys_in(state: State, group: str) -> list[str]:
    return [key for key in state.members() if not key.startswith(UNSEEN) and in_group(state, key, group)]


# -- files ----------------------------------------------------------------------------------------------------------------


def _save(path: str | os.PathLike[str], profiles: list[Profile]) -> Path:
    """Write profiles, whole or not at all.

    Raises
    ------
    RigError
        They can't be written there.
    """
    import yaml

    target = Path(path)
    text = yaml.safe_dump(
        {one.group or ALL: dict(one.values) for one in profiles}, sort_keys=False, allow_unicode=True, width=1000
    )
    try:
        write_whole(target, text.encode())
    except OSError as exc:
        raise RigError(
            f"{target}: the golden settings can't be written there ({exc.strerror or exc}). Give another path; what was there is "
            "as it was, and the settings hold on in the session"
        ) from None
    return target


#: Where something was found, what it is called there, and what it holds, by the names of the wire.
_Found = tuple[str, str, dict[str, str]]


def _read_profiles(path: Path) -> tuple[list[_Found], list[str]]:
    """Read a file of profiles; return what is well formed, and what is wrong with the rest.

    Raises
    ------
    ValueError
        It can't be read, or is no YAML mapping.
    """
    import yaml

    try:
        # As a tree of texts: `off`, `1:30` and `+1.0` stay what was written, and each problem has its line. Nothing is built.
        root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except OSError as exc:
        raise ValueError(f"{path}: can't be read ({exc.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as exc:
        raise ValueError(f"{path}: is not YAML: {' '.join(str(exc).split())}") from None
    if not isinstance(root, yaml.MappingNode):
        raise ValueError(f"{path}: expected groups and their settings, as face: {{iso: '100', aperture: f/8}}")
    found: list[_Found] = []
    problems: list[str] = []
    for name, where, node in _members(root, "group", "", problems):
        if not isinstance(node, yaml.MappingNode):
            problems.append(f"{where}: expected settings, as {{iso: '100', aperture: f/8}}")
            continue
        values: dict[str, str] = {}
        for setting, place, value in _members(node, "setting", f"group {plain(name)}, ", problems):
            try:
                kind = property_named(setting)
            except UnknownName as exc:
                problems.append(f"{place}: {exc}")
                continue
            if not isinstance(value, yaml.ScalarNode) or not value.value.strip():
                problems.append(f"{place}: expected one value")
            elif kind in values:
                problems.append(f"{place}: is there twice")
            else:
                values[kind] = value.value.strip()
        found.append((where, name, values))
    return found, problems


def _members(node: yaml.MappingNode, what: str, of: str, problems: list[str]) -> Iterator[tuple[str, str, yaml.Node]]:
    """Go through a mapping: name, where it is, and what is there; each name once."""
    seen: set[str] = set()
    for key, value in node.value:
        name = str(key.value).strip()
        where = f"line {key.start_mark.line + 1}, {of}{what} {plain(name)}"
        if name in seen:
            problems.append(f"{where}: is there twice")
            continue
        seen.add(name)
        yield name, where, value
