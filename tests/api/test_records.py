"""Questions about records and pictures: what a line of a reader tells, and what it only names."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.assemble import Sightline
from core.settings import Settings
from core.types import Access, Answer
from tests.api.small import add, small
from tests.ingest.readers.test_video import clip


def observed(number: str, patient: str, name: str, value: float, unit: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": number, "status": "final", "code": {"text": name},
        "subject": {"reference": f"Patient/{patient}"}, "effectiveDateTime": "2024-03-05",
        "valueQuantity": {"value": value, "unit": unit},
    }  # fmt: skip


def person(number: str, given: str, family: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": number, "name": [{"given": [given], "family": family}], "birthDate": "1961-04-02",
    }  # fmt: skip


BUNDLE = [
    person("p1", "Anna", "Berg"),
    observed("o1", "p1", "Hemoglobin", 13.5, "g/dL"),
    observed("o2", "p1", "Potassium", 4.1, "mmol/L"),
    {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}, "code": {"text": "Anaemia"}},
    person("p2", "Bo", "Lind"),
    observed("o3", "p2", "Hemoglobin", 12.5, "g/dL"),
    {"resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order", "subject": {"reference": "Patient/p2"},
     "medicationCodeableConcept": {"text": "Metformin 500 mg"}},
]  # fmt: skip


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sightline]:
    folder: Path = tmp_path_factory.mktemp("records")
    sightline = small(Settings(state=folder / "state"))
    bundle = {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in BUNDLE]}
    add(sightline, "ward.json", json.dumps(bundle))
    film = clip(folder / "a.mp4", "mp4v", [(0.5, (0, 90, 0), "")])
    add(sightline, "bottle-detection.mp4", film.read_bytes())
    yield sightline
    sightline.close()


def ask(sightline: Sightline, question: str) -> Answer:
    return sightline.assistant.answer(question, access=Access("a"))


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("What is the hemoglobin of Anna Berg?", "Hemoglobin: 13.5 g/dL"),
        ("What is the hemoglobin of Bo Lind?", "Hemoglobin: 12.5 g/dL"),
        ("What is the potassium of Anna Berg?", "Potassium: 4.1 mmol/L"),
        ("What condition does Anna Berg have?", "Condition: Anaemia"),
        ("What is the haemoglobin of Anna Berg?", "Hemoglobin: 13.5 g/dL"),
        ("Does Anna Berg have anemia?", "Condition: Anaemia"),
        ("Was the potassium of Anna Berg above 4?", "Potassium: 4.1 mmol/L"),
        ("Is Bo Lind on metformin?", "Medication: Metformin 500 mg"),
    ],
)
def test_an_observation_is_told_and_not_whose_it_is(records: Sightline, question: str, told: str) -> None:
    answer = ask(records, question)
    assert answer.text.startswith(f"{told} [")
    assert answer.citations[0].places[0].anchor.partition("/")[0] in (
        "Observation",
        "Condition",
        "MedicationRequest",
    )


@pytest.mark.parametrize(
    "question",
    [
        "What does Bo Lind take?",
        "Does Anna Berg smoke?",
        "Is Anna Berg on metformin?",
        "Does the patient Anna Berg smoke?",
    ],
)
def test_of_a_person_nothing_is_told_that_the_record_does_not_say(records: Sightline, question: str) -> None:
    assert ask(records, question).status == "not_found"


def test_how_many_things_a_video_shows_is_not_read_from_its_header(records: Sightline) -> None:
    assert ask(records, "How many bottles are in the video?").status == "not_found"
    length = ask(records, "How long is the video?")
    assert length.text.startswith("Video: 0:0")
