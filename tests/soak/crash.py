"""`python -m tests.soak.crash`: kills a real server again and again, and proves that nothing that
was answered is lost or applied twice.

Several callers, each with its own connection and its own synced log, send everything that changes
a state. The server is killed with SIGKILL while it commits, makes a segment, has a snapshot made,
prunes, starts, recovers or stops. What was not answered is repeated in the next life. In the end
the whole journal is replayed; tests/soak/proof.py says what is compared.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import click
import msgspec

from tests.soak.callers import Caller
from tests.soak.lives import CONFIG, SERVER, Clock, Life, LifeError, Moments
from tests.soak.proof import Kept, Proof, prove

CALLERS = 6
JOIN_S = 600.0
PLAIN_EVERY = 10


@dataclass
class Soak:
    """What a run was and found."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    """What a kill left on the disk: an unfinished snapshot, a torn group, ..."""
    answered: int = 0
    repeated: int = 0
    unsure: int = 0
    given_up: int = 0
    seconds: float = 0.0
    proof: Proof = field(default_factory=Proof)
    problems: list[str] = field(default_factory=list)


class Run:
    """One data directory through many lives."""

    def __init__(self, folder: Path, seed: int, command: tuple[str, ...] = SERVER) -> None:
        self.soak = Soak(seed)
        self._chance = random.Random(seed)
        self._command = command
        self._folder = folder
        self._data = folder / "data"
        self._clock = Clock()
        self._config = folder / "config.toml"
        self._config.write_text(CONFIG.format(directory=self._data))
        self._life: Life | None = None
        self._moments = Moments(self._data, self._chance)
        self._kept = Kept(self._data, folder / "kept")
        self._logs = [folder / f"caller-{at}.log" for at in range(CALLERS)]
        self._callers = [
            Caller(seed * CALLERS + at, path, self._clock, lambda: self._life)
            for at, path in enumerate(self._logs)
        ]

    def go(self, kills: int, progress: bool, only: str = "") -> Soak:
        """All of it; with `only`, all kills are of one kind of moment."""
        begun = time.monotonic()
        for caller in self._callers:
            caller.start()
        try:
            moment = ""
            for done in range(kills):
                moment = only or self._moments.choose(moment)
                self._one(moment)
                if progress and (done + 1) % PLAIN_EVERY == 0:
                    say(f"seed {self.soak.seed}: {done + 1} of {kills} kills")
            self._finish()
        except LifeError as error:
            self.soak.problems.append(str(error))
            self._stop_what_runs()
        self._kept.end()
        if not self.soak.problems:
            self.soak.proof = prove(self._folder / "kept", self._logs)
            self.soak.problems += self.soak.proof.problems
        for caller in self._callers:
            self.soak.problems += caller.problems
            self.soak.answered += caller.answered
            self.soak.repeated += caller.repeated
            self.soak.unsure += caller.unsure
            self.soak.given_up += caller.given_up
        self.soak.seconds = round(time.monotonic() - begun, 1)
        return self.soak

    def _one(self, moment: str) -> None:
        """One life and its end."""
        life = self._life = Life(self._command, self._config, self._clock.env)
        came = self._moments.kinds[moment](life)
        if moment == "stopping" and life.code is not None:
            self._must_be(life.code, life)
        else:
            life.kill(whole_session=self._chance.random() < 0.5)
        (self.soak.kills if came else self.soak.missed)[moment] += 1
        if list(self._data.glob("snapshot-*.tmp")):
            self.soak.left["unfinished snapshot"] += 1
        if any('"journal_cut"' in line for line in life.log):
            self.soak.left["torn group that this life cut off"] += 1

    def _finish(self) -> None:
        """A last life, in which all questions are answered, and which ends as it should."""
        life = self._life = Life(self._command, self._config, self._clock.env)
        life.wait_serving()
        for caller in self._callers:
            caller.end()
        for caller in self._callers:
            caller.join(JOIN_S)
        self._must_be(life.end(), life)

    def _must_be(self, code: int, life: Life) -> None:
        if code != 0:
            raise LifeError(f"a graceful stop ended with {code}: " + "\n".join(life.log))

    def _stop_what_runs(self) -> None:
        if self._life is not None and self._life.code is None:
            self._life.kill(whole_session=True)


def say(line: str) -> None:
    """A line for whoever waits."""
    click.echo(line, err=True)


@click.command(help=__doc__)
@click.option("--kills", default=25, show_default=True, type=click.IntRange(0))
@click.option("--seed", default=1, show_default=True, help="Chooses requests and moments.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where; kept when given.")
def main(kills: int, seed: int, folder: Path | None) -> None:
    """Runs and reports; exit code 1 if anything was lost, doubled or changed."""
    place = folder or Path(tempfile.mkdtemp(prefix="soak-"))
    place.mkdir(parents=True, exist_ok=True)
    soak = Run(place, seed).go(kills, progress=True)
    click.echo(msgspec.json.format(msgspec.json.encode(soak)).decode())
    if soak.problems:
        say(f"kept for a look: {place}")
        sys.exit(1)
    if folder is None:
        shutil.rmtree(place)


if __name__ == "__main__":
    main()
