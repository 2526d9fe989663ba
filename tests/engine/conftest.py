"""Says which builds of the kernel the tests of this folder could run."""

from __future__ import annotations

import pytest

from engine.kernel import MODULES, available_levels


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line, so that a level that this machine lacks is seen as not run."""
    ran = available_levels()
    line = f"kernel levels run: {', '.join(ran)}"
    missing = [level for level in MODULES if level not in ran]
    if missing:
        line += f"; not run, this machine lacks them: {', '.join(missing)}"
    terminalreporter.write_line(line)
