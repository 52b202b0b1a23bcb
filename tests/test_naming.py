"""Names of photos that were taken once more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigkit.account.naming import name_like

LATE = {"PhotoSequenceNum": 41, "PhotoBatchNum": 6, "PhotoSessionName": "b", "PhotoSessionNum": 2}
THEN = {"PhotoSequenceNum": 31, "PhotoBatchNum": 7, "PhotoSessionName": "a", "PhotoSessionNum": 1}


@pytest.mark.parametrize(
    ("expression", "late", "then", "name"),
    [
        ("[C]_[B]", "A02_6.JPG", "A01_7.JPG", "A02_7.JPG"),
        ("[N]-[I]/[C]_[S]_[B]", "b-2/A02_41_0006.NEF", "a-1/A01_31_0007.JPG", "a-1/A02_41_0007.NEF"),
        ("[U]_[D]_[C]", "P018_20261122_A02.JPG", "P017_20261121_A01.JPG", "P017_20261121_A02.JPG"),
        ("SSP_[S]", "SSP_41.JPG", "SSP_31.JPG", "SSP_41.JPG"),
        ("[C].[B]+", "A02.6+.JPG", "A01.7+.JPG", "A02.7+.JPG"),
        ("[C]_[B]", "renamed by hand.JPG", "A01_7.JPG", None),
        ("[C]_[B]", "A02_6.JPG", "renamed by hand.JPG", None),
        (None, "A02_6.JPG", "A01_7.JPG", None),
    ],
)
def test_what_belongs_to_the_shot_is_taken_over(expression, late, then, name):
    photo, other = {**LATE, "PhotoComputedName": late}, {**THEN, "PhotoComputedName": then}
    assert name_like(expression, photo, other, ("A02", "A01")) == name


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=5))
def test_whatever_the_names_are_it_is_a_name_or_nothing(expression, late, then, camera):
    photo, other = {**LATE, "PhotoComputedName": late}, {**THEN, "PhotoComputedName": then}
    name = name_like(expression, photo, other, (camera, "A01"))
    assert name is None or isinstance(name, str)


def test_the_name_of_a_photo_like_itself_is_its_name():
    photo = {**LATE, "PhotoComputedName": "b_2_A02_41_6_x.JPG"}
    assert name_like("[N]_[I]_[C]_[S]_[B]_[U]", photo, photo, ("A02", "A02")) == "b_2_A02_41_6_x.JPG"
