"""FHIR: each resource as a heading and a record under its patient; observations as typed readings.

Resources of R4 are read by the table of fields below, and whatever the table does not name is walked as
plain JSON, so that older versions and rare types lose nothing. XML is brought into the same shape first.
Places are "Observation/ID". Nothing is left out for privacy: a bundle is the record of a person.
Knows nothing of value sets or profiles; references are followed inside the file alone.
"""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from core.errors import UnreadableFile
from core.ports import ImageSink
from core.types import Block, Content, Page, Reading
from ingest.readers.encoding import read_text
from ingest.readers.fhir_words import Resource, as_list, name_of, plain_lines, quantity, words

FHIR_JSON = "application/fhir+json"
FHIR_XML = "application/fhir+xml"
_UCUM = "unitsofmeasure.org"

# Per type: what its record says first, and under which of its keys (over all versions) it stands.
_FIELDS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "Patient": (
        ("Name", ("name",)),
        ("Birth date", ("birthDate",)),
        ("Gender", ("gender",)),
        ("Deceased", ("deceasedDateTime", "deceasedBoolean")),
        ("Identifier", ("identifier",)),
        ("Address", ("address",)),
        ("Telecom", ("telecom",)),
    ),
    "Observation": (
        ("Observation", ("code", "name")),
        ("Status", ("status",)),
        ("Category", ("category",)),
        (
            "Effective",
            ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "appliesDateTime", "appliesPeriod"),
        ),
        ("Interpretation", ("interpretation",)),
        ("Body site", ("bodySite",)),
        ("Method", ("method",)),
        ("Note", ("note", "comments")),
    ),
    "Condition": (
        ("Condition", ("code",)),
        ("Clinical status", ("clinicalStatus", "status")),
        ("Verification", ("verificationStatus",)),
        ("Severity", ("severity",)),
        ("Onset", ("onsetDateTime", "onsetAge", "onsetPeriod", "onsetString", "onsetDate")),
        ("Abated", ("abatementDateTime", "abatementAge", "abatementString", "abatementDate")),
        ("Recorded", ("recordedDate", "dateRecorded", "dateAsserted")),
        ("Body site", ("bodySite",)),
        ("Note", ("note", "notes")),
    ),
    "MedicationRequest": (
        ("Medication", ("medicationCodeableConcept", "medicationReference", "medication")),
        ("Status", ("status",)),
        ("Intent", ("intent",)),
        ("Ordered", ("authoredOn", "dateWritten")),
        ("Dosage", ("dosageInstruction",)),
        ("Dispense", ("dispenseRequest", "dispense")),
        ("Reason", ("reasonCode", "reasonCodeableConcept", "reasonReference")),
        ("Requester", ("requester", "prescriber")),
        ("Note", ("note",)),
    ),
    "DiagnosticReport": (
        ("Report", ("code", "name")),
        ("Status", ("status",)),
        ("Category", ("category", "serviceCategory")),
        ("Effective", ("effectiveDateTime", "effectivePeriod", "diagnosticDateTime")),
        ("Issued", ("issued",)),
        ("Conclusion", ("conclusion",)),
        ("Coded conclusion", ("conclusionCode", "codedDiagnosis")),
        ("Results", ("result",)),
        ("Imaging study", ("imagingStudy", "study")),
    ),
    "ImagingStudy": (
        ("Status", ("status",)),
        ("Started", ("started",)),
        ("Modality", ("modality", "modalityList")),
        ("Description", ("description",)),
        ("Procedure", ("procedureCode", "procedure")),
        ("Reason", ("reasonCode", "reason")),
        ("Number of series", ("numberOfSeries",)),
        ("Number of instances", ("numberOfInstances",)),
    ),
}
_FIELDS |= dict.fromkeys(("MedicationOrder", "MedicationPrescription"), _FIELDS["MedicationRequest"])
_OF_PATIENT = ("subject", "patient", "beneficiary", "subscriber")
_SILENT = frozenset(
    {"resourceType", "id", "meta", "text", "contained", "implicitRules", "language", "fullUrl"}
)
_VERSIONS = (
    ("DSTU1", frozenset({"MedicationPrescription"}), frozenset({"appliesDateTime", "appliesPeriod"})),
    ("DSTU2", frozenset({"MedicationOrder", "DiagnosticOrder"}), frozenset({"dateWritten", "fhir_comments"})),
)


def read(path: Path, _sink: ImageSink) -> Content:
    """Raises UnreadableFile for what is no FHIR resource, or a bundle without one."""
    text = read_text(path)
    is_xml = text.lstrip("\ufeff \t\r\n").startswith("<")
    tops = [_from_xml(text)] if is_xml else _from_json(text)
    entries = [entry for top in tops for entry in _entries(top)]
    if not entries:
        raise UnreadableFile("the FHIR file holds no resource")
    book = _Book(entries)
    blocks = tuple(book.blocks())
    meta = {
        "fhir_version": version_of([resource for _, resource in entries]),
        "resources": ", ".join(f"{count} {kind}" for kind, count in book.counts().items()),
        "studies": ", ".join(book.studies()),
    }
    title = f"FHIR {tops[0].get('resourceType', 'resources')}: {meta['resources']}"
    return Content(
        FHIR_XML if is_xml else FHIR_JSON,
        (Page(1, blocks),),
        title if len(title) <= 120 else f"FHIR {tops[0].get('resourceType')}: {len(entries)} resources",
        {key: value for key, value in meta.items() if value},
    )


def version_of(resources: Sequence[Resource]) -> str:
    """What the file says, else what its types and fields tell; "R4 or near" where they tell nothing older."""
    for resource in resources:
        if said := resource.get("fhirVersion"):
            return str(said)
    kinds = {str(resource.get("resourceType")) for resource in resources}
    keys = {key for resource in resources for key in resource}
    for version, old_kinds, old_keys in _VERSIONS:
        if kinds & old_kinds or keys & old_keys:
            return f"{version} (by its fields)"
    names = [name for resource in resources for name in as_list(resource.get("name"))]
    if any(isinstance(name, Mapping) and isinstance(name.get("family"), list) for name in names):
        return "DSTU2 (by its fields)"
    return "R4 or near (not said)"


# ---------------------------------------------------------------- from bytes to resources


def _from_json(text: str) -> list[Resource]:
    """One resource, or one on each line as bulk exports have them."""
    try:
        found = [json.loads(text, parse_float=Decimal)]
    except json.JSONDecodeError as error:
        try:
            found = [json.loads(line, parse_float=Decimal) for line in text.splitlines() if line.strip()]
        except json.JSONDecodeError:
            raise UnreadableFile(f"the JSON is damaged or cut off: {error}") from error
    if not all(isinstance(one, dict) and isinstance(one.get("resourceType"), str) for one in found):
        raise UnreadableFile("the JSON holds something that is no FHIR resource")
    return found


def _from_xml(text: str) -> Resource:
    from lxml import etree

    if "<!DOCTYPE" in text:
        raise UnreadableFile("the XML declares a document type, which FHIR does not allow")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(text.lstrip("\ufeff \t\r\n").encode(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableFile(f"the XML is damaged or cut off: {error}") from error
    return _resource(root)


def _resource(element: Any) -> Resource:
    return {"resourceType": _local(element), **_members(element)}


def _members(element: Any) -> Resource:
    """As FHIR's JSON has it, but what stands there once is no list: those who read take either."""
    found: Resource = {}
    for child in element.iterchildren(tag="*") if len(element) else ():
        name, value = _local(child), _member(child)
        if name in found:
            found[name] = [*as_list(found[name]), value]
        else:
            found[name] = value
    return found


def _member(element: Any) -> Any:
    if element.tag.startswith("{http://www.w3.org/1999/xhtml}"):
        return " ".join("".join(element.itertext()).split())
    inner = [child for child in element if isinstance(child.tag, str)]
    if len(inner) == 1 and _local(inner[0])[:1].isupper():
        return _resource(inner[0])
    value = element.get("value")
    if value is not None and not inner:
        return value
    members = _members(element)
    for name in ("url", "id"):
        if element.get(name):
            members[name] = element.get(name)
    return members if value is None else {"value": value, **members}


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _entries(top: Resource) -> Iterator[tuple[str, Resource]]:
    """Each resource with the address under which others refer to it."""
    if top["resourceType"] != "Bundle":
        yield "", top
        return
    for entry in as_list(top.get("entry")):
        resource = entry.get("resource") or entry.get("content") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and isinstance(resource.get("resourceType"), str):
            if resource["resourceType"] == "Bundle":
                yield from _entries(resource)
            else:
                yield str(entry.get("fullUrl") or entry.get("id") or ""), resource


# ---------------------------------------------------------------- from resources to blocks


class _Book:
    """The resources of one file, and who refers to whom."""

    def __init__(self, entries: Sequence[tuple[str, Resource]]) -> None:
        self._resources = [resource for _, resource in entries]
        self._by_address = {
            address_of(resource): resource for resource in self._resources if resource.get("id")
        }
        self._by_address |= {url: resource for url, resource in entries if url}

    def counts(self) -> Mapping[str, int]:
        kinds = [str(resource["resourceType"]) for resource in self._resources]
        return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}

    def studies(self) -> list[str]:
        """The DICOM studies that the file speaks of."""
        return list(dict.fromkeys(uid for resource in self._resources if (uid := study_of(resource))))

    def blocks(self) -> Iterator[Block]:
        """Patient by patient, what belongs to none last."""
        owners = [self._patient_of(resource) for resource in self._resources]
        order = dict.fromkeys(owner for owner in owners if owner)
        for owner in [*order, ""]:
            mine = [resource for resource, other in zip(self._resources, owners) if other == owner]
            if mine and owner:
                yield Block("heading", self._person(owner), level=1, anchor=owner)
            for resource in mine:
                yield from self._of_resource(resource, self._person(owner) if owner else "")

    def _patient_of(self, resource: Resource) -> str:
        if resource["resourceType"] == "Patient":
            return address_of(resource)
        for key in _OF_PATIENT:
            reference = resource.get(key)
            if isinstance(reference, dict) and (address := str(reference.get("reference") or "")):
                target = self._by_address.get(address)
                return address_of(target) if target else address
        return ""

    def _person(self, address: str) -> str:
        patient = self._by_address.get(address, {})
        name = name_of(as_list(patient.get("name"))[0]) if patient.get("name") else ""
        return f"Patient {name or address.removeprefix('Patient/')}".strip()

    def _of_resource(self, resource: Resource, person: str) -> Iterator[Block]:
        anchor, kind = address_of(resource), str(resource["resourceType"])
        readings = tuple(_readings(resource, person.removeprefix("Patient "), anchor))
        lines = list(self._lines(resource, kind))
        yield Block("heading", self._heading(resource, kind), level=2, anchor=anchor)
        yield Block("record", "\n".join(lines), anchor=anchor, readings=readings)

    def _heading(self, resource: Resource, kind: str) -> str:
        named = next((key for _, keys in _FIELDS.get(kind, ())[:1] for key in keys if key in resource), "")
        if kind == "Patient" or not named:
            named = next(
                (key for key in ("code", "type", "vaccineCode", "description") if key in resource), ""
            )
        said = words(self._resolved(resource, resource[named])) if named else ""
        return f"{kind}: {said[:120]}" if said else kind

    def _lines(self, resource: Resource, kind: str) -> Iterator[str]:
        yield f"Resource: {address_of(resource)}"
        seen = set(_SILENT) | self._said_by_heading(resource)
        for label, keys in _FIELDS.get(kind, ()):
            for key in keys:
                if key in resource and key not in seen:
                    seen.add(key)
                    if said := words(self._resolved(resource, resource[key])):
                        yield f"{label}: {said}"
        if kind == "Observation":
            seen |= {key for key in resource if key.startswith("value")} | {"component", "referenceRange"}
            yield from _observed(resource)
        if study := study_of(resource):
            yield f"Study UID: {study}"
        if kind == "ImagingStudy":
            seen |= {"uid", "series"}
            yield from _series(resource)
        for key in ("presentedForm", "content", "data"):
            if key in resource:
                seen.add(key)
                yield from _attached(resource[key])
        rest = {key: self._resolved(resource, value) for key, value in resource.items() if key not in seen}
        told = list(plain_lines(rest))
        yield from told
        yield from _narrative(resource)

    def _said_by_heading(self, resource: Resource) -> set[str]:
        """The keys that say no more than whose it is: the heading over it names the patient."""
        owner = self._by_address.get(self._patient_of(resource))
        mine = (key for key in _OF_PATIENT if isinstance(resource.get(key), dict))
        return {
            key
            for key in mine
            if owner and self._target(resource, resource[key].get("reference", "")) is owner
        }

    def _resolved(self, resource: Resource, value: Any) -> Any:
        """References to what stands in the file get the name of what they refer to."""
        if isinstance(value, list):
            return [self._resolved(resource, one) for one in value]
        if not isinstance(value, dict) or not isinstance(value.get("reference"), str) or value.get("display"):
            return value
        target = self._target(resource, value["reference"])
        if target is None:
            return value
        name = target.get("code") or target.get("name") or target.get("description") or target.get("title")
        return {**value, "display": name_of(as_list(name)[0]) if name else ""}

    def _target(self, resource: Resource, reference: str) -> Resource | None:
        if reference.startswith("#"):
            inside = [one for one in as_list(resource.get("contained")) if isinstance(one, dict)]
            return next((one for one in inside if one.get("id") == reference[1:]), None)
        return self._by_address.get(reference)


def address_of(resource: Resource) -> str:
    kind, number = str(resource["resourceType"]), str(resource.get("id") or "")
    return f"{kind}/{number}" if number else kind


def study_of(resource: Resource) -> str:
    """The DICOM study of an ImagingStudy: its `uid`, or the identifier that is an OID."""
    if resource["resourceType"] != "ImagingStudy":
        return ""
    given = [
        resource.get("uid"),
        *(one.get("value") for one in as_list(resource.get("identifier")) if isinstance(one, dict)),
    ]
    uids = [str(uid).removeprefix("urn:oid:") for uid in given if uid]
    return next((uid for uid in uids if re.fullmatch(r"\d+(?:\.\d+)+", uid)), "")


# ---------------------------------------------------------------- observations


def _observed(resource: Resource) -> Iterator[str]:
    value = _value(resource)
    if value is not None:
        # The line says of what it is: it is quoted alone.
        name = words(resource.get("code") or resource.get("name"), codes=False) or "Value"
        yield f"{name}: {words(value)}"
    for ranged in as_list(resource.get("referenceRange")):
        yield f"Reference range: {_range(ranged)}"
    for part in as_list(resource.get("component")):
        found = _value(part)
        line = f"{words(part.get('code'))}: {words(found) if found is not None else 'no value'}"
        ranges = [_range(ranged) for ranged in as_list(part.get("referenceRange"))]
        yield f"{line} (reference range: {'; '.join(ranges)})" if ranges else line


def _value(holder: Resource) -> Any:
    return next((value for key, value in holder.items() if re.match(r"value[A-Z]", key)), None)


def _range(ranged: Resource) -> str:
    low, high, text = (words(ranged.get(key)) for key in ("low", "high", "text"))
    bounds = f"{low} to {high}" if low and high else f"from {low}" if low else f"up to {high}" if high else ""
    meaning = words(ranged.get("type") or ranged.get("meaning"))
    return ", ".join(part for part in (bounds, text, meaning) if part)


def _readings(resource: Resource, person: str, anchor: str) -> Iterator[Reading]:
    if resource["resourceType"] != "Observation":
        return
    name = words(resource.get("code") or resource.get("name"), codes=False)
    time = next(
        (words(resource[key]) for key in dict(_FIELDS["Observation"])["Effective"] if key in resource), ""
    )
    parts = [(name, resource)]
    parts += [
        (f"{name}: {words(part.get('code'), codes=False)}", part)
        for part in as_list(resource.get("component"))
    ]
    for attribute, holder in parts:
        value = _value(holder)
        if isinstance(value, dict) and (number := _decimal(value.get("value"))):
            unit = str(value.get("unit") or value.get("units") or value.get("code") or "")
            if _UCUM in str(value.get("system")) and value.get("code"):
                unit = str(value["code"])
            yield Reading(attribute, number, quantity(value), unit, time, person, "fhir", anchor=anchor)


def _decimal(value: Any) -> str:
    """As exact text, "" for what is no number."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return ""
    return str(number) if number.is_finite() and not isinstance(value, bool) else ""


# ---------------------------------------------------------------- studies, attachments, narratives


def _series(resource: Resource) -> Iterator[str]:
    for number, series in enumerate(as_list(resource.get("series")), 1):
        parts = [f"Series {words(series.get('number')) or number}: UID {words(series.get('uid'))}"]
        for label, key in (("modality", "modality"), ("body site", "bodySite"), ("laterality", "laterality")):
            if said := words(series.get(key)):
                parts.append(f"{label} {said}")
        if said := words(series.get("description")):
            parts.append(said)
        parts.append(
            f"{words(series.get('numberOfInstances')) or len(as_list(series.get('instance')))} instances"
        )
        yield ", ".join(parts)


def _attached(value: Any) -> Iterator[str]:
    """The text of attachments that are text; of others what they are."""
    for item in as_list(value):
        attachment = item.get("attachment", item) if isinstance(item, dict) else {"data": item}
        kind, data = str(attachment.get("contentType") or ""), attachment.get("data")
        if not isinstance(data, str):
            yield from plain_lines({"attachment": attachment})
            continue
        try:
            content = base64.b64decode(data, validate=False)
        except ValueError:
            content = b""
        if kind.startswith("text/plain"):
            yield f"Attached text: {content.decode('utf-8', 'replace')}"
        else:
            yield f"Attached: {kind or 'data'}, {len(content):,} bytes, not read"


def _narrative(resource: Resource) -> Iterator[str]:
    """The resource's own words, where they say more than its fields."""
    text = resource.get("text")
    div = text.get("div") if isinstance(text, dict) else None
    if isinstance(div, str):
        said = " ".join(re.sub(r"<[^>]*>", " ", div).split())
        told = json.dumps(
            {key: value for key, value in resource.items() if key != "text"}, default=str
        ).lower()
        news = [word for word in re.findall(r"\w{4,}", said.lower()) if word not in told]
        if len(news) >= 2 and "structured data" not in said:
            yield f"Narrative: {said}"
