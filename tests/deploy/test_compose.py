"""The compose file follows the specification, pins what it runs and holds no secret."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from api.cli import main
from core.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return loaded


def specification() -> dict[str, Any]:
    """The official schema (compose-spec, Apache-2.0), as the package check-jsonschema carries it."""
    text = (files("check_jsonschema.builtin_schemas.vendor") / "compose-spec.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def problems(compose: dict[str, Any]) -> list[str]:
    validator = jsonschema.validators.validator_for(specification())(specification())
    return [error.message for error in validator.iter_errors(compose)]


def test_the_compose_file_is_valid_against_the_specification(compose: dict[str, Any]) -> None:
    assert problems(compose) == []


def test_the_specification_notices_a_misspelt_key(compose: dict[str, Any]) -> None:
    assert problems({**compose, "services": {"api": {"imagee": "x"}}})


def test_it_names_the_five_services_and_keeps_the_model_server_behind_a_profile(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    assert set(services) == {"api", "worker", "qdrant", "postgres", "vllm"}
    assert {name for name, service in services.items() if "profiles" in service} == {"vllm"}
    assert services["vllm"]["profiles"] == ["gpu"]
    assert "--model=Qwen/Qwen3-VL-30B-A3B-Instruct-FP8" in services["vllm"]["command"]


def test_every_image_is_pinned_to_a_version(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert re.search(r":v?\d+\.\d+", service["image"]), f"{name}: {service['image']}"


def test_every_service_says_how_to_tell_that_it_is_well(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert "healthcheck" in service, name


def test_the_settings_that_it_passes_exist(compose: dict[str, Any]) -> None:
    for name in ("api", "worker"):
        given = {key for key in compose["services"][name]["environment"] if key.startswith(PREFIX)}
        known = {PREFIX + field.upper() for field in Settings.model_fields}
        assert given <= known, name


def test_the_commands_that_it_runs_exist(compose: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("api", "worker"):
        with pytest.raises(SystemExit) as ended:
            main([*compose["services"][name]["command"], "--help"])
        assert ended.value.code == 0
    assert capsys.readouterr().out


def test_no_secret_stands_in_the_file_and_each_must_be_given(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for key, value in service.get("environment", {}).items():
            if re.search(r"KEY|PASSWORD|DATABASE_URL", key):
                assert re.search(r"\$\{\w+(:\?|-\})", value), f"{name}: {key}"


def test_the_example_environment_names_every_variable_and_fills_no_secret() -> None:
    used = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text("utf-8")))
    lines = (ROOT / "deploy/env.example").read_text("utf-8").splitlines()
    named = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(named) == used
    assert {key for key, value in named.items() if value} == {"SIGHTLINE_PUBLIC_URL", "PUBLISH_PORT"}


def test_only_the_api_is_reachable_and_only_from_this_machine(compose: dict[str, Any]) -> None:
    published = {
        name: service["ports"] for name, service in compose["services"].items() if "ports" in service
    }
    assert set(published) == {"api"}
    assert all(port.startswith("127.0.0.1:") for port in published["api"])


def test_the_image_holds_every_package_of_ours_and_runs_as_nobody_special() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text("utf-8")
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    copied = set(re.findall(r"^COPY (\w+) \1$", dockerfile, re.MULTILINE))
    kept = set(re.findall(r"^!(\w+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE))
    assert packages <= copied
    assert packages <= kept
    assert re.search(r"^USER sightline$", dockerfile, re.MULTILINE)
