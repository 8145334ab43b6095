"""Settings are read once, and what is not known is not ignored."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SettingsError
from core.settings import PREFIX, Settings


def test_the_environment_and_the_command_line_are_read_and_the_command_line_wins() -> None:
    environ = {"SIGHTLINE_PORT": "9000", "SIGHTLINE_STATE": "/a", "HOME": "/root"}
    settings = Settings.from_env(environ, state=Path("/b"))
    assert settings.port == 9000
    assert settings.state == Path("/b")


def test_settings_given_in_code_do_not_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_PORT", "9000")
    assert Settings().port == 8000


def test_an_empty_variable_means_the_default() -> None:
    assert Settings.from_env({"SIGHTLINE_PORT": ""}).port == 8000


@given(st.text(st.characters(codec="ascii", categories=["Lu"]), min_size=1, max_size=12))
def test_an_unknown_name_is_an_error_that_lists_the_known_ones(name: str) -> None:
    if name.lower() in Settings.model_fields:
        return
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({PREFIX + name: "1"})
    assert PREFIX + name in refused.value.message
    assert "SIGHTLINE_MAX_UPLOAD_MB" in refused.value.message


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("PORT", "70000"), ("MAX_CONCURRENT", "0"), ("SEARCH_LIMIT", "1000")],
)
def test_a_value_that_does_not_fit_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({PREFIX + name: value})
    assert f"{PREFIX}{name}={value!r}" in refused.value.message


def test_secrets_are_not_shown() -> None:
    settings = Settings.from_env({"SIGHTLINE_API_KEY": "hush-hush", "SIGHTLINE_QDRANT_API_KEY": "quiet"})
    assert "hush" not in repr(settings)
    assert "quiet" not in repr(settings)
    assert settings.api_key.get_secret_value() == "hush-hush"


def test_the_database_lies_in_the_state_directory_unless_named() -> None:
    assert Settings(state=Path("/s")).database == "sqlite:////s/sightline.db"
    assert Settings(database_url="postgresql://h/d").database == "postgresql://h/d"
