"""What is heavy is loaded by whoever needs it, and by nobody else."""

import json
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("core", "kg", "rag", "ingest", "api")
HEAVY = (
    "torch",
    "torchvision",
    "transformers",
    "sentence_transformers",
    "open_clip",
    "openvino",
    "qdrant_edge",
    "qdrant_client",
    "cv2",
    "rapidocr",
    "pypdfium2",
    "langchain",
    "langchain_core",
    "dbos",
    "scipy",
)

# Modules that are nothing without their library, and are themselves imported only where they are used.
HOMES = {
    "api.langchain",
    "ingest.readers.pdf",
    "ingest.readers.pdfium",
    "rag.vl.local",
    "rag.vl.growth",
    "rag.vl.miniature.train",
    "rag.vl.moe",
}


def loaded(code: str) -> set[str]:
    """The modules that a fresh process has loaded after running `code`."""
    report = "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_of(package: str) -> list[str]:
    files = sorted((ROOT / package).rglob("*.py"))
    names = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files
    ]
    return [name for name in names if "migrations" not in name]


def test_importing_any_module_loads_no_heavy_library() -> None:
    names = {package: modules_of(package) for package in PACKAGES}
    assert all(names.values())
    code = "\n".join(f"import {name}" for found in names.values() for name in found if name not in HOMES)
    assert loaded(code) & set(HEAVY) == set()


def test_the_service_can_be_imported_and_built_without_them() -> None:
    code = (
        "from api.app import create_app\nfrom core.settings import Settings\ncreate_app(Settings()).openapi()"
    )
    assert not loaded(code) & set(HEAVY)


def test_a_worker_and_the_command_line_load_no_web_framework() -> None:
    assert not loaded("import api.server, api.service, api.documents") & {"fastapi", "starlette", "uvicorn"}


HELP = "import contextlib, io\nfrom api.cli import main\nwith contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n    main(['--help'])"


def test_help_loads_next_to_nothing() -> None:
    names = loaded(HELP)
    assert not names & {*HEAVY, "numpy", "pydantic", "fastapi", "sqlalchemy", "rich", "httpx", "networkx"}


def test_help_is_instant() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "--help"], capture_output=True, text=True, cwd=ROOT
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0
    assert "ingest" in done.stdout
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 0.5  # CPU seconds: the machine may be busy
