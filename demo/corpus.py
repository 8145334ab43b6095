"""Writes the demo's documents into a folder: `python -m demo.corpus OUT`.

The same bytes on every run of the same library versions, so that ingesting them again is a
no-op.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from demo.books import check_books
from demo.papers import clinical_note, product_note, scanned_letter
from demo.report import report_2024, report_2025

FILES: dict[str, Callable[[], bytes | str]] = {
    "tarnbeck-annual-report-2025.pdf": report_2025,
    "tarnbeck-annual-report-2024.pdf": report_2024,
    "corvane-letter-scan.pdf": scanned_letter,
    "discharge-note-marbach.html": clinical_note,
    "dl-4-产品说明.md": product_note,
}


def write_corpus(folder: Path) -> list[Path]:
    """Returns the files, in the order of `FILES`."""
    check_books()
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, make in FILES.items():
        content = make()
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        written.append(path)
    return written


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m demo.corpus OUT")
    for path in write_corpus(Path(sys.argv[1])):
        print(f"{path}  {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
