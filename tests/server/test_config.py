"""Settings: defaults, the documented example, and an own error for every bad value."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from server.config import Config, example, load, parse

EXAMPLE = Path(__file__).parents[2] / "deploy" / "repriced.example.toml"


def test_the_example_names_every_setting_with_its_default() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == example()
    assert load(EXAMPLE) == Config()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[limits]\nqueue_requests = 0", "limits.queue_requests is 0; allowed: 1 to"),
        ("[limits]\nqueue_requests = true", "a whole number"),
        ("[limits]\nqueue_request = 5", "did you mean limits.queue_requests"),
        ("[limit]\nqueue_requests = 5", "limit is not a setting"),
        ("limits = 5", "a table"),
        ('[server]\nlisten = "50051"', "host:port"),
        ('[server]\nlisten = "127.0.0.1:99999"', "host:port"),
        ('[server]\nlisten = "0.0.0.0:50051"', "allow_plaintext_remote"),
        ('[log]\nlevel = "loud"', "debug, info, warning, error"),
        ('[server]\nlisten = "127.example.org:50051"', "a loopback address"),
        ('[server]\nmetrics_listen = "[::]:9464"', "allow_plaintext_remote"),
        ("[limits]\ncaller_bytes = 1_000_000", "up to limits.caller_bytes (1000000)"),
        ('[server]\ndrain_seconds = "5"', "server.drain_seconds is '5'; allowed: a whole number"),
        ("[server", "not valid TOML"),
    ],
)
def test_a_bad_setting_names_key_value_and_what_is_allowed(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r".*") as caught:
        parse(text)
    assert words in caught.value.message


def test_plaintext_elsewhere_needs_to_be_said() -> None:
    text = (
        '[access]\nfile = "access.sqlite3"\n'
        '[server]\nlisten = "0.0.0.0:50051"\nallow_plaintext_remote = true'
    )
    assert parse(text).server.listen == "0.0.0.0:50051"


def test_a_missing_file_is_a_clear_error() -> None:
    with pytest.raises(ConfigError, match=r"no/such\.toml"):
        load(Path("no/such.toml"))
