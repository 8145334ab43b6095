"""What the README and docs/ say exists, and what exists is said there."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.app import create_app
from api.cli import main
from core.errors import SightlineError
from core.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def setting_rows() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = default.get_secret_value() if isinstance(default, SecretStr) else str(default)
        cell = f"`{shown}`" if shown else ""
        yield f"| `{PREFIX}{name.upper()}` | {cell} | {field.description} |"


def error_rows() -> Iterator[str]:
    kinds = [SightlineError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    for kind in sorted(kinds, key=lambda kind: (kind.status, kind.code)):
        yield f"| {kind.status} | `{kind.type}` | `{kind.code}` |"


def test_every_setting_has_its_row() -> None:
    missing = [row for row in setting_rows() if row not in README]
    assert not missing, "\n".join(["add to the table of settings in README.md:", *missing])


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for page in PAGES:
        # a bare prefix ("SIGHTLINE_*") and the tests' own variables are no settings
        named = set(re.findall(rf"\b{PREFIX}[A-Z]\w+", page.read_text("utf-8")))
        assert {name for name in named if not name.startswith(f"{PREFIX}TEST_")} <= known, page


def test_every_route_has_its_row() -> None:
    schema = create_app(Settings.from_env({})).openapi()
    routes = [f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods]
    missing = [route for route in routes if f"| `{route}` |" not in README]
    assert routes
    assert not missing, f"add to the table of routes in README.md: {missing}"


def test_no_route_is_documented_that_does_not_exist() -> None:
    schema = create_app(Settings.from_env({})).openapi()
    routes = {f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods}
    named = set(re.findall(r"\| `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)` \|", README))
    assert named == routes


def test_every_error_has_its_row() -> None:
    missing = [row for row in error_rows() if row not in README]
    assert not missing, "\n".join(["add to the table of errors in README.md:", *missing])


def test_every_command_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"^ {4}(\w+) {2,}\S", capsys.readouterr().out, re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        assert re.search(rf"^(?:\.venv/bin/)?sightline {command}\b", README, re.MULTILINE), command


def test_what_is_made_exists_in_the_makefile() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {target for page in PAGES for target in re.findall(r"\bmake (\w+)", code(page))}
    assert {"demo", "test", "serve", "check", "bench"} <= named
    assert named <= targets


def code(page: Path) -> str:
    """What stands in code blocks and between backticks."""
    text = page.read_text("utf-8")
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))


def test_every_link_leads_to_a_file() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
            if not re.match(r"https?:", target):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_tree_shows_what_is_there() -> None:
    tree = README.split("```text\n", 1)[1].split("```", 1)[0]
    folder = ROOT
    shown = set()
    for line in tree.splitlines():
        name = line.split()[0] if line.strip() else ""
        if not name:
            continue
        path = (folder if line.startswith(" ") else ROOT) / name
        assert path.exists(), line
        assert not line.startswith(" ") or path.parent == folder
        if not line.startswith(" ") and name.endswith("/"):
            folder = path
        shown.add(path)
    packages = {init.parent for init in ROOT.glob("*/__init__.py")} - {ROOT / "tests"}
    assert packages <= shown
    for package in ("core", "kg", "rag", "ingest", "api"):
        modules = set((ROOT / package).glob("[a-z]*.py"))
        assert modules <= shown, sorted(path.name for path in modules - shown)


def test_every_decision_has_its_three_parts() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text("utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE) == ["Context", "Choice", "Given up"], (
            path.name
        )


def test_the_changelog_opens_with_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    first = re.search(r"^## \[(.+?)\]", changelog, re.MULTILINE)
    assert first
    assert first[1] in ("Unreleased", version)
    assert f"## [{version}]" in changelog
