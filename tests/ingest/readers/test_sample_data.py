"""Every file of the DICOM, FHIR and DXF sets is read with places for every block, or refused with a reason."""

import hashlib
from pathlib import Path

import pytest

from core.errors import InputError
from core.types import PUBLIC, Document
from ingest.chunk import Chunker
from ingest.limits import Limits
from ingest.readers import REGISTRY, detect

pytestmark = pytest.mark.data

REFUSED = {
    "nested_priv_SQ.dcm": "no kind of object, no modality and no picture",
    "no_meta.dcm": "binary data of an unknown kind",  # a byte before its first element
}


def keep(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()


@pytest.mark.parametrize(("folder", "least"), [("dicom", 15), ("fhir", 6), ("dxf", 6)])
def test_every_file_is_read_and_every_passage_has_a_place(data: Path, folder: str, least: int) -> None:
    chunker = Chunker(count_tokens=lambda texts: [len(text.split()) for text in texts], max_tokens=256)
    refused = {}
    files = sorted(path for path in (data / folder).iterdir() if path.is_file())
    assert len(files) >= least
    for path in files:
        try:
            content = REGISTRY[detect(path, path.name)].reader(Limits())(path, keep)
        except InputError as error:
            refused[path.name] = error.message
            continue
        assert [page.problem for page in content.pages if page.problem] == [], path.name
        document = Document("doc-1", "acme", path.name, 1, path.stem, PUBLIC, content)
        chunks = [one.chunk for one in chunker.split(document)]
        assert chunks, path.name
        assert all(place.anchor or place.box for chunk in chunks for place in chunk.places), path.name
        assert all(chunk.places for chunk in chunks), path.name
    assert refused.keys() == REFUSED.keys() & {path.name for path in files}, refused
    assert all(REFUSED[name] in reason for name, reason in refused.items())
