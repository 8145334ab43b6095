"""FHIR: records with places under their patient, typed observations, links to studies, older versions."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import UnreadableFile
from core.types import Block, Content
from ingest.readers import FHIR_JSON, FHIR_XML, JSON, detect
from ingest.readers.fhir import read
from tests.ingest.readers.papers import nowhere

GLUCOSE: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "glucose",
    "status": "final",
    "code": {"text": "Glucose", "coding": [{"system": "http://loinc.org", "code": "2339-0"}]},
    "subject": {"reference": "urn:uuid:1"},
    "effectiveDateTime": "2024-03-05",
    "valueQuantity": {
        "value": 6.30,
        "unit": "mmol/l",
        "system": "http://unitsofmeasure.org",
        "code": "mmol/L",
    },
    "referenceRange": [{"low": {"value": 3.1, "unit": "mmol/l"}, "high": {"value": 6.2, "unit": "mmol/l"}}],
}
PRESSURE: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "pressure",
    "code": {"text": "Blood pressure"},
    "subject": {"reference": "Patient/anna"},
    "effectivePeriod": {"start": "2024-03-05", "end": "2024-03-06"},
    "component": [
        {"code": {"text": "Systolic"}, "valueQuantity": {"value": 107, "unit": "mmHg"}},
        {"code": {"text": "Diastolic"}, "valueQuantity": {"value": 60, "unit": "mmHg"}},
    ],
}
ANNA = {"resourceType": "Patient", "id": "anna", "name": [{"family": "Berg", "given": ["Anna"]}]}
STUDY = {
    "resourceType": "ImagingStudy",
    "id": "ct",
    "subject": {"reference": "Patient/anna"},
    "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.840.99"}],
    "series": [{"uid": "1.2.840.99.1", "modality": {"code": "CT"}, "numberOfInstances": 12}],
}
REPORT = {
    "resourceType": "DiagnosticReport",
    "id": "report",
    "subject": {"reference": "Patient/anna"},
    "code": {"text": "Chest CT"},
    "conclusion": "No nodule.",
    "result": [{"reference": "Observation/glucose"}],
    "presentedForm": [{"contentType": "text/plain", "data": "QWxsIGdvb2Qu"}],
}
ORDER = {
    "resourceType": "MedicationRequest",
    "id": "pills",
    "subject": {"reference": "Patient/anna"},
    "contained": [{"resourceType": "Medication", "id": "m", "code": {"text": "Metformin 500 mg"}}],
    "medicationReference": {"reference": "#m"},
    "dosageInstruction": [{"text": "1 tablet twice a day"}],
    "priority": "routine",
}


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"resource": resource} for resource in resources]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": "urn:uuid:1", "resource": ANNA}, *entries],
    }


def given(path: Path, value: object) -> Content:
    path.write_text(value if isinstance(value, str) else json.dumps(value), "utf-8")
    return read(path, nowhere)


def block(content: Content, anchor: str) -> Block:
    return next(one for one in content.pages[0].blocks if one.anchor == anchor and one.kind == "record")


def test_an_observation_is_a_record_and_a_typed_reading(tmp_path: Path) -> None:
    found = block(given(tmp_path / "a", bundle(GLUCOSE)), "Observation/glucose")
    assert "Glucose: 6.3 mmol/l" in found.text
    assert "Reference range: 3.1 mmol/l to 6.2 mmol/l" in found.text
    (reading,) = found.readings
    assert (reading.attribute, reading.value, reading.unit) == ("Glucose", "6.3", "mmol/L")
    assert (reading.period, reading.subject, reading.method) == ("2024-03-05", "Anna Berg", "fhir")
    assert reading.anchor == "Observation/glucose"


def test_components_are_readings_of_their_own(tmp_path: Path) -> None:
    found = block(given(tmp_path / "a", bundle(PRESSURE)), "Observation/pressure")
    assert "Systolic: 107 mmHg" in found.text
    assert [(one.attribute, one.value, one.period) for one in found.readings] == [
        ("Blood pressure: Systolic", "107", "2024-03-05 to 2024-03-06"),
        ("Blood pressure: Diastolic", "60", "2024-03-05 to 2024-03-06"),
    ]


def test_resources_stand_under_their_patient(tmp_path: Path) -> None:
    blocks = given(tmp_path / "a", bundle(GLUCOSE, ORDER)).pages[0].blocks
    assert [one.text for one in blocks if one.level == 1] == ["Patient Anna Berg"]
    assert [one.text for one in blocks if one.level == 2] == [
        "Patient",
        "Observation: Glucose (2339-0)",
        "MedicationRequest: Metformin 500 mg (#m)",
    ]


def test_references_inside_the_file_are_named_and_the_rest_is_walked(tmp_path: Path) -> None:
    content = given(tmp_path / "a", bundle(GLUCOSE, ORDER, REPORT))
    order, report = (
        block(content, "MedicationRequest/pills").text,
        block(content, "DiagnosticReport/report").text,
    )
    assert "Medication: Metformin 500 mg (#m)" in order
    assert "Dosage: 1 tablet twice a day" in order
    assert "priority: routine" in order
    assert "Results: Glucose (Observation/glucose)" in report
    assert "Conclusion: No nodule." in report
    assert "Attached text: All good." in report


def test_a_study_leads_to_its_dicom_files(tmp_path: Path) -> None:
    content = given(tmp_path / "a", bundle(STUDY))
    text = block(content, "ImagingStudy/ct").text
    assert "Study UID: 1.2.840.99\n" in text
    assert "Series 1: UID 1.2.840.99.1, modality CT, 12 instances" in text
    assert content.meta["studies"] == "1.2.840.99"


def test_older_versions_are_walked_and_named(tmp_path: Path) -> None:
    old = {
        "resourceType": "MedicationPrescription",
        "id": "old",
        "medication": {"display": "prednisone"},
        "odd": {"deep": [1, 2]},
    }
    content = given(tmp_path / "a", bundle(old))
    assert content.meta["fhir_version"].startswith("DSTU1")
    assert "odd.deep: 2" in block(content, "MedicationPrescription/old").text
    assert given(tmp_path / "b", bundle(GLUCOSE)).meta["fhir_version"].startswith("R4")


def test_xml_is_read_as_json_is(tmp_path: Path) -> None:
    content = given(
        tmp_path / "a",
        '<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"><entry><resource><Observation><id value="o"/>'
        '<code><text value="Weight"/></code><valueQuantity><value value="71.5"/><unit value="kg"/></valueQuantity>'
        "</Observation></resource></entry></Bundle>",
    )
    assert detect(tmp_path / "a", "a.xml") == FHIR_XML
    found = block(content, "Observation/o")
    assert [(one.attribute, one.value, one.unit) for one in found.readings] == [("Weight", "71.5", "kg")]


def test_xml_with_entities_is_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><Patient xmlns="http://hl7.org/fhir"><id value="&a;"/></Patient>'
    with pytest.raises(UnreadableFile, match="document type"):
        given(tmp_path / "a", bomb)


def test_what_a_file_is_stands_in_it(tmp_path: Path) -> None:
    late = tmp_path / "late"
    late.write_text(json.dumps({"entry": [], "resourceType": "Bundle"}))
    assert detect(late, "late.csv") == FHIR_JSON
    other = tmp_path / "other"
    other.write_text(json.dumps({"rows": [{"resourceType": "Patient"}]}))
    assert detect(other, "other.csv") == JSON


@pytest.mark.parametrize(
    "text", ['{"resourceType": "Bundle", "ent', '{"resourceType": "Bundle", "entry": []}']
)
def test_damaged_and_empty_bundles_fail(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnreadableFile):
        given(tmp_path / "a", text)


@pytest.mark.data
def test_the_samples_are_read_with_their_places(data: Path) -> None:
    for name, anchor, words in (
        ("argonaut-lab-data.json", "Observation/argonaut-lab-1", "Sodium: 138 mmol/L"),
        ("hspc-bilirubin-chart.json", "Observation/BILIBABY-OBS1", "Transcutaneous Bilirubin: 9.7 mg/dL"),
        ("nest_patient_data.json", "MedicationOrder/nest-patient-1-MED1", "beta Blocker Therapy"),
        (
            "rheum-pacer-sample-data.json",
            "DiagnosticReport/rheum-pacer-sample-data-1014",
            "stable plantar spur",
        ),
        ("asthma-brain-bundle.xml", "Observation/HB-325375", ": 120 mmHg"),
    ):
        assert words in block(read(data / "fhir" / name, nowhere), anchor).text
