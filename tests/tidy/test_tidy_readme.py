"""The README says what is there."""

from __future__ import annotations

import re

import pytest
from sources import ROOT

README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", ["client.py", "client.mjs"])
def test_examples_stand_in_the_readme_as_they_are(name: str) -> None:
    assert (ROOT / "examples" / name).read_text() in README


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert not [each for each in links if "://" not in each and not (ROOT / each).exists()]
