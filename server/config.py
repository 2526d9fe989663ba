"""Settings from TOML: every limit named, every bad value its own clear error.

`deploy/repriced.example.toml` is `example()`, written out.
"""

from __future__ import annotations

import difflib
import ipaddress
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.errors import ConfigError

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
SPARE_CALLS = 16
"""For health, reflection, and calls that are refused because every place is taken."""
LOG_LEVELS = ("debug", "info", "warning", "error")
JOURNAL_MODES = ("always", "off")


def number(default: int, low: int, high: int, about: str) -> Any:
    """A whole number within limits."""
    return field(default=default, metadata={"low": low, "high": high, "about": about})


def choice(default: Any, about: str) -> Any:
    """A text, or true or false."""
    return field(default=default, metadata={"about": about})


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where the server listens and how it stops."""

    listen: str = choice("127.0.0.1:50051", "host:port of gRPC; port 0 takes a free one")
    metrics_listen: str = choice("127.0.0.1:9464", "host:port of /metrics; port 0 takes a free one")
    allow_plaintext_remote: bool = choice(
        False, "listen beyond this machine although nothing is encrypted, tokens included"
    )
    drain_seconds: int = number(20, 0, 3600, "longest wait for admitted requests when stopping")
    keepalive_seconds: int = number(60, 10, 7200, "a silent connection is asked for life so often")


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """What one call may hold and how much may wait."""

    max_request_bytes: int = number(8 * MIB, KIB, 512 * MIB, "largest request")
    max_rows_per_call: int = number(100_000, 1, 1_000_000, "rows of a batch")
    max_offers_per_snapshot: int = number(100, 1, 100, "offers of one snapshot")
    max_definitions_per_call: int = number(
        10_000, 1, 1_000_000, "sellers, strategies or listings of an upsert"
    )
    max_notifications_per_call: int = number(
        10_000, 1, 1_000_000, "messages of one IngestNotifications"
    )
    queue_requests: int = number(
        256, 1, 10_000, "admitted requests in all; each holds a thread while it waits"
    )
    queue_bytes: int = number(256 * MIB, KIB, 64 * GIB, "bytes of admitted requests in all")
    caller_requests: int = number(
        128, 1, 10_000, "admitted requests of one caller; an anonymous one is a connection"
    )
    caller_bytes: int = number(64 * MIB, KIB, 64 * GIB, "bytes of admitted requests of one caller")
    queue_reads: int = number(64, 1, 10_000, "reads that may wait")
    group_requests: int = number(64, 1, 10_000, "requests applied between two turns of reads")
    group_bytes: int = number(8 * MIB, KIB, GIB, "a group of requests ends at this size")
    streams: int = number(64, 1, 10_000, "open StreamReprice and WatchDecisions calls")
    watch_batch: int = number(1_000, 1, 100_000, "decisions of one message of WatchDecisions")
    slow_reader_seconds: int = number(
        30, 1, 3600, "a stream whose reader takes no message for so long is dropped"
    )
    memory_budget_bytes: int = number(
        4 * GIB, MIB, 1024 * GIB, "max_request_bytes times all calls at once must fit in this"
    )
    max_offers_per_call: int = number(
        400_000, 1, 100_000_000, "offers of all snapshots of a call together"
    )
    seen_notifications: int = number(
        200_000, 1, 100_000_000, "NotificationIds remembered to tell repeats"
    )

    @property
    def places(self) -> int:
        """Calls that can be open at once."""
        return self.queue_requests + self.queue_reads + self.streams + SPARE_CALLS


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """Certificates; all three files are read again when one of them changes."""

    certificate_file: str = choice("", "PEM chain of the server, its own first; empty: no TLS")
    key_file: str = choice("", "PEM private key of that certificate")
    client_ca_file: str = choice(
        "", "PEM roots; every client must bring a certificate of theirs; empty: none is asked for"
    )


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """Who may call."""

    file: str = choice(
        "",
        "callers, tokens, audit log (`repriced tokens`); empty: loopback only, open to everybody",
    )


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What the engine keeps in memory."""

    decisions_kept: int = number(200_000, 1, 100_000_000, "decisions that a watcher can resume to")
    keep_input_bytes: int = number(
        256 * MIB, 0, 64 * GIB, "newest inputs and answers that mode off keeps, for Explain"
    )


@dataclass(frozen=True, slots=True)
class ClaimsConfig:
    """Where FBA reports and claims are kept."""

    store: str = choice("repriced-claims", "folder; made when the first report comes")


@dataclass(frozen=True, slots=True)
class GuardsConfig:
    """When a guard holds a price (docs/guards.md). Rates are in basis points."""

    breaker_listings: int = number(
        20, 1, 1_000_000, "fewer listings of a seller in a marketplace do not trip its breaker"
    )
    breaker_share_bp: int = number(5_000, 1, 10_000, "share of them that must have fallen")
    breaker_depth_bp: int = number(2_500, 1, 10_000, "mean fall of those in ten minutes")
    breaker_day_depth_bp: int = number(4_000, 1, 10_000, "mean fall of those in a day")
    spiral_moves: int = number(6, 1, 1_000, "answers of one competitor in a day that make a spiral")
    spiral_distance_bp: int = number(500, 0, 10_000, "way that both prices went meanwhile")
    spiral_answer_s: int = number(4 * 3_600, 60, 86_400, "an answer that comes later is none")
    floors_lowered_bp: int = number(
        1_000, 0, 10_000, "share of a seller's floors that may come down in a day"
    )
    floors_lowered: int = number(20, 1, 1_000_000, "fewer floors may come down all the same")


@dataclass(frozen=True, slots=True)
class JournalConfig:
    """What survives a restart, and for how long it is kept."""

    mode: str = choice(
        "always",
        "always: an answer means that the input is on disk; off: nothing is, a restart is empty",
    )
    data_directory: str = choice("repriced-data", "where; made if missing, one server each")
    segment_bytes: int = number(64 * MIB, 64 * KIB, 4 * GIB, "a file of the journal ends at")
    keep_days: int = number(7, 1, 3650, "older inputs are pruned")
    keep_bytes: int = number(
        32 * GIB, MIB, 1024 * GIB, "the journal is pruned to this, or takes nothing more"
    )
    snapshot_bytes: int = number(256 * MIB, 64 * KIB, 64 * GIB, "growth that leads to a snapshot")
    snapshot_minutes: int = number(60, 1, 10_080, "a snapshot is made so often where there is news")


@dataclass(frozen=True, slots=True)
class LogConfig:
    """How much is logged."""

    level: str = choice("info", f"one of {', '.join(LOG_LEVELS)}")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings."""

    server: ServerConfig = field(default_factory=ServerConfig)
    tls: TlsConfig = field(default_factory=TlsConfig)
    access: AccessConfig = field(default_factory=AccessConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    claims: ClaimsConfig = field(default_factory=ClaimsConfig)
    guards: GuardsConfig = field(default_factory=GuardsConfig)
    journal: JournalConfig = field(default_factory=JournalConfig)
    log: LogConfig = field(default_factory=LogConfig)


SECTIONS: dict[str, type[Any]] = {
    "server": ServerConfig,
    "tls": TlsConfig,
    "access": AccessConfig,
    "limits": LimitsConfig,
    "engine": EngineConfig,
    "claims": ClaimsConfig,
    "guards": GuardsConfig,
    "journal": JournalConfig,
    "log": LogConfig,
}


def load(path: Path) -> Config:
    """Settings of a TOML file. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise bad("file", str(path), f"a readable UTF-8 TOML file ({error})") from error
    return parse(text)


def parse(text: str) -> Config:
    """Settings of TOML text. Raises ConfigError naming key, value and what is allowed."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"the configuration is not valid TOML: {error}", reason="CONFIG_NOT_TOML"
        ) from error
    sections = {}
    for name, table in tables.items():
        if name not in SECTIONS:
            raise unknown_key(name, list(SECTIONS))
        if not isinstance(table, dict):
            raise bad(name, table, f"a table, written [{name}]")
        sections[name] = section(name, SECTIONS[name], table)
    config = Config(**sections)
    check(config)
    return config


def section(name: str, kind: type[Any], table: dict[str, Any]) -> Any:
    """One table as its dataclass."""
    known = {each.name: each for each in fields(kind)}
    for key, value in table.items():
        if key not in known:
            raise unknown_key(f"{name}.{key}", [f"{name}.{each}" for each in known])
        check_value(f"{name}.{key}", value, known[key])
    return kind(**table)


def check_value(path: str, value: Any, known: Any) -> None:
    """Type and range of one setting."""
    wanted = type(known.default)
    if type(value) is not wanted:
        told_as = {bool: "true or false", int: "a whole number", str: "a text"}[wanted]
        raise bad(path, value, told_as)
    if wanted is int:
        low, high = known.metadata["low"], known.metadata["high"]
        if not low <= value <= high:
            raise bad(path, value, f"{low} to {high}")
    words = {"log.level": LOG_LEVELS, "journal.mode": JOURNAL_MODES}.get(path)
    if words is not None and value not in words:
        raise bad(path, value, ", ".join(words))


def check(config: Config) -> None:
    """What settings must be to one another. Raises ConfigError."""
    check_address("server.listen", config.server.listen)
    check_address("server.metrics_listen", config.server.metrics_listen)
    check_paths(config)
    check_exposure(config)
    check_sizes(config.limits)


def check_address(key: str, value: str) -> None:
    """An address is host:port."""
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise bad(key, value, "host:port with a port of 0 to 65535")


def check_paths(config: Config) -> None:
    """Files that belong together are named together."""
    tls = config.tls
    named = {f"tls.{each.name}": getattr(tls, each.name) for each in fields(tls)}
    for key, value in (*named.items(), ("access.file", config.access.file)):
        if not value.isprintable():
            raise bad(key, value, "a path of printable characters")
    if bool(tls.certificate_file) != bool(tls.key_file):
        missing = "tls.key_file" if tls.certificate_file else "tls.certificate_file"
        raise bad(missing, "", "certificate and key, both or neither")
    if tls.client_ca_file and not tls.certificate_file:
        raise bad("tls.client_ca_file", tls.client_ca_file, "a path where tls.key_file is set too")
    if tls.client_ca_file and not config.access.file:
        raise bad("tls.client_ca_file", tls.client_ca_file, "a path where access.file is set too")


def check_exposure(config: Config) -> None:
    """Beyond this machine nothing is said in plain text or to strangers, unless told so."""
    server, remote = config.server, "a loopback address; anything else needs "
    plain = "server.allow_plaintext_remote = true, because traffic is not encrypted"
    if not is_local(server.metrics_listen) and not server.allow_plaintext_remote:
        raise bad("server.metrics_listen", server.metrics_listen, remote + plain)
    if is_local(server.listen):
        return
    if not config.tls.certificate_file and not server.allow_plaintext_remote:
        raise bad("server.listen", server.listen, f"{remote}tls.certificate_file, or {plain}")
    if not config.access.file:
        raise bad(
            "server.listen", server.listen, f"{remote}access.file, or everybody may do everything"
        )


def is_local(address: str) -> bool:
    """Whether only this machine can reach a host:port."""
    return is_loopback(address.rpartition(":")[0])


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host; a name other than localhost may be anything."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_sizes(limits: LimitsConfig) -> None:
    """Limits that contain one another, so that no request is refused for ever."""
    for inner, outer in (
        ("max_request_bytes", "caller_bytes"),
        ("caller_bytes", "queue_bytes"),
    ):
        value, allowed = getattr(limits, inner), getattr(limits, outer)
        if value > allowed:
            raise bad(f"limits.{inner}", value, f"up to limits.{outer} ({allowed})")
    worst = limits.max_request_bytes * limits.places
    if worst > limits.memory_budget_bytes:
        raise bad(
            "limits.memory_budget_bytes",
            limits.memory_budget_bytes,
            f"at least max_request_bytes times {limits.places} calls at once = {worst}; lower"
            " max_request_bytes, queue_requests, queue_reads or streams, or allow more memory",
        )


def bad(path: str, value: Any, allowed: str) -> ConfigError:
    """Error about one setting."""
    return ConfigError(
        f"{path} is {value!r}; allowed: {allowed}", reason="CONFIG_VALUE", field=path
    )


def unknown_key(path: str, known: list[str]) -> ConfigError:
    """Error about a key that nothing reads, with the nearest one that something does."""
    near = difflib.get_close_matches(path, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(known)}"
    return ConfigError(f"{path} is not a setting{hint}", reason="CONFIG_KEY_UNKNOWN", field=path)


def example() -> str:
    """A TOML file that states every key with its default and what is allowed."""
    lines = ["# Every setting of repriced with its default. Sizes are in bytes."]
    for name, kind in SECTIONS.items():
        lines += ["", f"# {kind.__doc__}", f"[{name}]"]
        for each in fields(kind):
            lines += [f"# {told(each)}", f"{each.name} = {written(each.default)}"]
    return "\n".join(lines) + "\n"


def told(setting: Any) -> str:
    """What a setting means and which values it takes."""
    about: str = setting.metadata["about"]
    if "low" not in setting.metadata:
        return about
    return f"{about} ({setting.metadata['low']} to {setting.metadata['high']})"


def written(value: Any) -> str:
    """A value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
