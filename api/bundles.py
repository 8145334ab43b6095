"""Files of a folder that are one document: the DICOM files of a series, packed into one archive.

A series is what stands in one folder with one series UID; it is one document, known under the name of each
of its files, so that it takes the place of what was read of them before. The archive of the same files is
the same, byte for byte, and so is not read twice. Knows headers and paths, no service.
"""

import shutil
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_AT, _MAGIC = 128, b"DICM"
_BEGINNING = (1980, 1, 1, 0, 0, 0)  # of the times that an archive can hold


class Bundle(NamedTuple):
    """At least two files of one series, by name."""

    files: tuple[Path, ...]

    @property
    def path(self) -> Path:
        """The one that the document is called by."""
        return self.files[0]

    def __str__(self) -> str:
        return f"{self.path} and {len(self.files) - 1} more of its series"


Item = Path | Bundle


def path_of(item: Item) -> Path:
    return item.path if isinstance(item, Bundle) else item


def grouped(paths: Sequence[Path]) -> list[Item]:
    """The files in order, those of one series together at the place of the first of them."""
    return _together(paths, _series(paths).values())


def with_siblings(paths: Sequence[Path], is_ready: Callable[[Path], bool]) -> list[Item]:
    """As `grouped`, where other files of the same series that lie beside them are taken along."""
    found = list(_series(paths))
    folders = sorted({folder for folder, _ in found})
    beside = [
        one for folder in folders for one in sorted(folder.iterdir()) if one.is_file() and is_ready(one)
    ]
    wanted = {key: files for key, files in _series([*paths, *beside]).items() if key in found}
    return _together(paths, wanted.values())


def dicom_beside(path: Path) -> Iterator[Path]:
    """The DICOM files in the folder of a file that may be gone."""
    with suppress(OSError):
        yield from (one for one in sorted(path.parent.iterdir()) if one.is_file() and _is_dicom(one))


def packed(bundle: Bundle, folder: Path) -> Path:
    """The archive of a bundle, written into `folder`."""
    target = folder / "series.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path in bundle.files:
            entry = zipfile.ZipInfo(path.name, _BEGINNING)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.file_size = path.stat().st_size
            with path.open("rb") as source, archive.open(entry, "w") as member:
                shutil.copyfileobj(source, member)
    return target


def _together(paths: Sequence[Path], series: Iterable[Sequence[Path]]) -> list[Item]:
    bundles = [Bundle(tuple(sorted(set(files)))) for files in series if len(set(files)) > 1]
    of = {path: bundle for bundle in bundles for path in bundle.files}
    return list(dict.fromkeys(of.get(path, path) for path in paths))


def _series(paths: Iterable[Path]) -> dict[tuple[Path, str], list[Path]]:
    """The DICOM files among them by folder and series."""
    found: dict[tuple[Path, str], list[Path]] = defaultdict(list)
    for path in filter(_is_dicom, paths):
        from ingest.readers import dicom_series

        if one := dicom_series.member(path, path.name):
            found[path.parent, one.told("SeriesInstanceUID")].append(path)
    return found


def _is_dicom(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(_AT + len(_MAGIC))[_AT:] == _MAGIC
    except OSError:
        return False  # what is wrong with it is told when it is taken
