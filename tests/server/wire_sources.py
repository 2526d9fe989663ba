"""Sources of FOLLOW as hypothesis draws them."""

from __future__ import annotations

from hypothesis import strategies as st

from engine.strategies import FollowSource

TEXTS = st.text(max_size=3)
SMALL = st.integers(1, 9)
NAMED = (TEXTS, TEXTS, st.integers(1, 2), SMALL)
SOURCES = st.lists(
    st.builds(FollowSource, *NAMED)
    | st.builds(FollowSource, *NAMED, TEXTS.filter(bool), st.integers(1, 5), SMALL),
    max_size=3,
).map(tuple)
