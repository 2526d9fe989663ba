"""Sources and exchange rates of FOLLOW as hypothesis draws them."""

from __future__ import annotations

from hypothesis import strategies as st

from engine.strategies import ExchangeRate, FollowSource

TEXTS = st.text(max_size=3)
SMALL = st.integers(1, 9)
NAMED = (TEXTS, TEXTS, st.integers(1, 2), SMALL)
SOURCES = st.lists(
    st.builds(FollowSource, *NAMED)
    | st.builds(FollowSource, *NAMED, TEXTS.filter(bool), st.integers(1, 5), SMALL),
    max_size=3,
).map(tuple)
RATES = st.lists(st.builds(ExchangeRate, TEXTS, SMALL, SMALL, TEXTS), max_size=2).map(tuple)
