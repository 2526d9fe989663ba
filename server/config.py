"""Settings from TOML: every limit named, every bad value its own clear error."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from engine.errors import ConfigError

KIB = 1024
MIB = 1024 * KIB
LOG_LEVELS = ("debug", "info", "warning", "error")
LOOPBACK = ("127.", "localhost:", "[::1]:")


def number(default: int, low: int, high: int) -> Any:
    """A whole number within limits."""
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where the server listens and how it stops."""

    listen: str = "127.0.0.1:50051"
    metrics_listen: str = "127.0.0.1:9464"
    allow_plaintext_remote: bool = False
    worker_threads: int = number(32, 2, 1024)
    drain_seconds: int = number(20, 0, 3600)


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """What one call may hold and how much may wait."""

    max_request_bytes: int = number(8 * MIB, KIB, 512 * MIB)
    max_rows_per_call: int = number(100_000, 1, 1_000_000)
    max_offers_per_snapshot: int = number(100, 1, 100)
    max_definitions_per_call: int = number(10_000, 1, 1_000_000)
    max_notifications_per_call: int = number(10_000, 1, 1_000_000)
    queue_requests: int = number(256, 1, 100_000)
    queue_bytes: int = number(256 * MIB, KIB, 64 * KIB * MIB)
    queue_reads: int = number(256, 1, 100_000)
    group_requests: int = number(64, 1, 10_000)
    streams: int = number(16, 1, 1023)
    watch_batch: int = number(1_000, 1, 100_000)
    seen_notifications: int = number(200_000, 1, 100_000_000)


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """What the engine keeps in memory."""

    decisions_kept: int = number(200_000, 1, 100_000_000)
    replies_bytes: int = number(64 * MIB, KIB, 64 * KIB * MIB)
    keep_input_bytes: int = number(256 * MIB, 0, 64 * KIB * MIB)


@dataclass(frozen=True, slots=True)
class LogConfig:
    """How much is logged."""

    level: str = "info"


@dataclass(frozen=True, slots=True)
class Config:
    """All settings."""

    server: ServerConfig = field(default_factory=ServerConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    log: LogConfig = field(default_factory=LogConfig)


SECTIONS: dict[str, type[Any]] = {
    "server": ServerConfig,
    "limits": LimitsConfig,
    "engine": EngineConfig,
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
    check_threads(config)
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
        if not host or not port.isdigit() or int(port) > 65_535:
            raise bad(f"server.{key}", value, "host:port with a port of 0 to 65535")
    if not server.listen.startswith(LOOPBACK) and not server.allow_plaintext_remote:
        raise bad(
            "server.listen",
            server.listen,
            "a loopback address; anything else needs server.allow_plaintext_remote = true,"
            " because traffic is not encrypted",
        )


def check_threads(config: Config) -> None:
    """Streams must leave threads for calls."""
    if config.limits.streams >= config.server.worker_threads:
        raise bad(
            "limits.streams",
            config.limits.streams,
            f"fewer than server.worker_threads ({config.server.worker_threads}), because each"
            " stream holds one",
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
