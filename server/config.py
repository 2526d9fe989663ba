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
LOG_LEVELS = ("debug", "info", "warning", "error")


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
        False, "listen beyond this machine although nothing is encrypted"
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
    connection_requests: int = number(128, 1, 10_000, "admitted requests of one connection")
    connection_bytes: int = number(
        64 * MIB, KIB, 64 * GIB, "bytes of admitted requests of one connection"
    )
    queue_reads: int = number(64, 1, 10_000, "reads that may wait")
    group_requests: int = number(64, 1, 10_000, "requests applied between two turns of reads")
    group_bytes: int = number(8 * MIB, KIB, GIB, "a group of requests ends at this size")
    streams: int = number(64, 1, 10_000, "open StreamReprice and WatchDecisions calls")
    watch_batch: int = number(1_000, 1, 100_000, "decisions of one message of WatchDecisions")
    seen_notifications: int = number(
        200_000, 1, 100_000_000, "NotificationIds remembered to tell repeats"
    )


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What the engine keeps in memory."""

    decisions_kept: int = number(200_000, 1, 100_000_000, "decisions that a watcher can resume to")
    replies_bytes: int = number(
        64 * MIB, KIB, 64 * GIB, "answers remembered for repeats of a request_id"
    )
    keep_input_bytes: int = number(
        256 * MIB, 0, 64 * GIB, "newest inputs, from which explanations read the offers"
    )


@dataclass(frozen=True, slots=True)
class ClaimsConfig:
    """Where FBA reports and claims are kept."""

    store: str = choice("repriced-claims", "folder; made when the first report comes")


@dataclass(frozen=True, slots=True)
class LogConfig:
    """How much is logged."""

    level: str = choice("info", f"one of {', '.join(LOG_LEVELS)}")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings."""

    server: ServerConfig = field(default_factory=ServerConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    claims: ClaimsConfig = field(default_factory=ClaimsConfig)
    log: LogConfig = field(default_factory=LogConfig)


SECTIONS: dict[str, type[Any]] = {
    "server": ServerConfig,
    "limits": LimitsConfig,
    "engine": EngineConfig,
    "claims": ClaimsConfig,
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
    check_addresses(config.server)
    check_sizes(config.limits)
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
        words = {bool: "true or false", int: "a whole number", str: "a text"}[wanted]
        raise bad(path, value, words)
    if wanted is int:
        low, high = known.metadata["low"], known.metadata["high"]
        if not low <= value <= high:
            raise bad(path, value, f"{low} to {high}")
    if path == "log.level" and value not in LOG_LEVELS:
        raise bad(path, value, ", ".join(LOG_LEVELS))


def check_addresses(server: ServerConfig) -> None:
    """Addresses are host:port, and plaintext leaves the machine only when told so."""
    for key, value in (("listen", server.listen), ("metrics_listen", server.metrics_listen)):
        host, _, port = value.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65_535:
            raise bad(f"server.{key}", value, "host:port with a port of 0 to 65535")
        if not is_loopback(host) and not server.allow_plaintext_remote:
            raise bad(
                f"server.{key}",
                value,
                "a loopback address; anything else needs server.allow_plaintext_remote = true,"
                " because traffic is not encrypted",
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host; a name other than localhost may be anything."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_sizes(limits: LimitsConfig) -> None:
    """Limits that contain one another, so that no request is refused for ever."""
    for inner, outer in (
        ("max_request_bytes", "connection_bytes"),
        ("connection_bytes", "queue_bytes"),
    ):
        value, allowed = getattr(limits, inner), getattr(limits, outer)
        if value > allowed:
            raise bad(f"limits.{inner}", value, f"up to limits.{outer} ({allowed})")


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
