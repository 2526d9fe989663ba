"""The configuration file. Oracles: tomllib, the limits of each setting, and writing it back."""

from __future__ import annotations

import tomllib
from dataclasses import fields

from engine.errors import ConfigError
from server.config import SECTIONS, Config, example, parse
from tests.soak.lives import CONFIG

SMALL = """
[tls]
certificate_file = "a.pem"
key_file = "b.pem"
client_ca_file = "c.pem"
[access]
file = "access.sqlite"
[limits]
max_request_bytes = 65_536
queue_requests = 0x20
[server]
listen = "[::1]:0"
allow_plaintext_remote = true
[log]
level = "debug"
"""


def seeds() -> list[bytes]:
    """The example, and shorter ones."""
    return [example().encode(), CONFIG.encode(), SMALL.encode()]


def one(data: bytes) -> str:
    """A ConfigError with a word, or settings that are within limits and survive a round trip."""
    try:
        text = data.decode()
        config = parse(text)
    except UnicodeDecodeError:
        return "NOT_UTF8"
    except ConfigError as error:
        return error.reason
    tables = tomllib.loads(text)
    assert set(tables) <= set(SECTIONS)
    for section in SECTIONS:
        values = getattr(config, section)
        for each in fields(values):
            value = getattr(values, each.name)
            assert value == tables.get(section, {}).get(each.name, each.default)
            if "low" in each.metadata:
                assert each.metadata["low"] <= value <= each.metadata["high"]
    assert parse(written_out(config)) == config
    return "taken"


def written_out(config: Config) -> str:
    """The same settings as TOML, every text in escapes."""
    lines = []
    for section in SECTIONS:
        values = getattr(config, section)
        lines.append(f"[{section}]")
        lines += [f"{each.name} = {literal(getattr(values, each.name))}" for each in fields(values)]
    return "\n".join(lines)


def literal(value: object) -> str:
    """A value as TOML."""
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(each):08x}" for each in value) + '"'
    return str(value).lower()
