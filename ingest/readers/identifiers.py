"""What of a DICOM header names a person: DICOM PS3.15, table E.1-1, basic application confidentiality profile.

The profile's list is used twice: to tell its owner what was left out of the index, and to strike its
values out of free text. Nothing of it is ever indexed, because readers take only what `ingest.readers.dicom`
lists as harmless. UIDs are kept as the profile's option "Retain UIDs" has it: they tie a series, a study
and a report together and lead to nobody without the archive that made them. Knows no pixels.
"""

import re
from collections.abc import Collection, Iterator
from typing import Any

_SHORTEST = 3  # characters of a value that is struck out of text: "O" or "12" would hit anything

# Keywords of table E.1-1 (actions X, Z, D and their mixtures; U is the option above).
PROFILE = frozenset(
    [
        "AccessionNumber",
        "AcquisitionComments",
        "AcquisitionContextSequence",
        "AcquisitionDate",
        "AcquisitionDateTime",
        "AcquisitionDeviceProcessingDescription",
        "AcquisitionFieldOfViewLabel",
        "AcquisitionProtocolDescription",
        "AcquisitionTime",
        "ActualHumanPerformersSequence",
        "AdditionalPatientHistory",
        "Address",
        "AddressTrial",
        "AdmissionID",
        "AdmittingDate",
        "AdmittingDiagnosesCodeSequence",
        "AdmittingDiagnosesDescription",
        "AdmittingTime",
        "Affiliation",
        "Allergies",
        "Arbitrary",
        "AuthorObserverSequence",
        "BranchOfService",
        "CassetteID",
        "ClinicalTrialProtocolEthicsCommitteeName",
        "ClinicalTrialSeriesDescription",
        "ClinicalTrialSeriesID",
        "ClinicalTrialSiteID",
        "ClinicalTrialSiteName",
        "ClinicalTrialSponsorName",
        "ClinicalTrialSubjectID",
        "ClinicalTrialSubjectReadingID",
        "ClinicalTrialTimePointDescription",
        "ClinicalTrialTimePointID",
        "CommentsOnThePerformedProcedureStep",
        "ConfidentialityConstraintOnPatientDataDescription",
        "ConsultingPhysicianIdentificationSequence",
        "ConsultingPhysicianName",
        "ContentCreatorIdentificationCodeSequence",
        "ContentCreatorName",
        "ContentDate",
        "ContentTime",
        "ContrastBolusAgent",
        "ContributionDescription",
        "CountryOfResidence",
        "CurrentObserverTrial",
        "CurrentPatientLocation",
        "CurveData",
        "CurveDate",
        "CurveTime",
        "CustodialOrganizationSequence",
        "DataSetTrailingPadding",
        "DateOfLastCalibration",
        "DateOfLastDetectorCalibration",
        "DateOfSecondaryCapture",
        "DerivationDescription",
        "DetectorID",
        "DeviceDescription",
        "DeviceSerialNumber",
        "DeviceSettingDescription",
        "DigitalSignaturesSequence",
        "DischargeDiagnosisDescription",
        "DistributionAddress",
        "DistributionName",
        "DoseReferenceUID",
        "EquipmentAdministratorSequence",
        "EthnicGroup",
        "EthnicGroups",
        "ExpectedCompletionDateTime",
        "FillerOrderNumberImagingServiceRequest",
        "FillerOrderNumberProcedure",
        "FillerOrderNumberImagingServiceRequestRetired",
        "FirstTreatmentDate",
        "FrameComments",
        "GantryID",
        "GeneratorID",
        "GraphicAnnotationSequence",
        "HumanPerformerName",
        "HumanPerformerOrganization",
        "IconImageSequence",
        "IdentifyingComments",
        "ImageComments",
        "ImagePresentationComments",
        "ImagingServiceRequestComments",
        "Impressions",
        "InstanceCoercionDateTime",
        "InstanceCreationDate",
        "InstanceCreationTime",
        "InstitutionAddress",
        "InstitutionCodeSequence",
        "InstitutionName",
        "InstitutionalDepartmentName",
        "InstitutionalDepartmentTypeCodeSequence",
        "InsurancePlanIdentification",
        "IntendedRecipientsOfResultsIdentificationSequence",
        "InterpretationApproverSequence",
        "InterpretationAuthor",
        "InterpretationDiagnosisDescription",
        "InterpretationIDIssuer",
        "InterpretationRecorder",
        "InterpretationText",
        "InterpretationTranscriber",
        "IssueDateOfImagingServiceRequest",
        "IssuerOfAdmissionID",
        "IssuerOfAdmissionIDSequence",
        "IssuerOfPatientID",
        "IssuerOfServiceEpisodeID",
        "IssuerOfServiceEpisodeIDSequence",
        "LensMake",
        "LensModel",
        "LensSerialNumber",
        "LensSpecification",
        "LastMenstrualDate",
        "MAC",
        "MedicalAlerts",
        "MedicalRecordLocator",
        "MilitaryRank",
        "ModifiedAttributesSequence",
        "ModifiedImageDescription",
        "ModifyingDeviceID",
        "ModifyingSystem",
        "NameOfPhysiciansReadingStudy",
        "NamesOfIntendedRecipientsOfResults",
        "NonconformingModifiedAttributesSequence",
        "Occupation",
        "OperatorIdentificationSequence",
        "OperatorsName",
        "OrderCallbackPhoneNumber",
        "OrderCallbackTelecomInformation",
        "OrderEnteredBy",
        "OrderEntererLocation",
        "OriginalAttributesSequence",
        "OtherPatientIDs",
        "OtherPatientIDsSequence",
        "OtherPatientNames",
        "OverlayComments",
        "OverlayData",
        "OverlayDate",
        "OverlayTime",
        "ParticipantSequence",
        "PatientAddress",
        "PatientAge",
        "PatientBirthDate",
        "PatientBirthName",
        "PatientBirthTime",
        "PatientComments",
        "PatientID",
        "PatientInstitutionResidence",
        "PatientInsurancePlanCodeSequence",
        "PatientMotherBirthName",
        "PatientName",
        "PatientPrimaryLanguageCodeSequence",
        "PatientPrimaryLanguageModifierCodeSequence",
        "PatientReligiousPreference",
        "PatientSex",
        "PatientSexNeutered",
        "PatientSize",
        "PatientState",
        "PatientTelecomInformation",
        "PatientTelephoneNumbers",
        "PatientTransportArrangements",
        "PatientWeight",
        "PerformedLocation",
        "PerformedProcedureStepDescription",
        "PerformedProcedureStepEndDate",
        "PerformedProcedureStepEndDateTime",
        "PerformedProcedureStepEndTime",
        "PerformedProcedureStepID",
        "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartDateTime",
        "PerformedProcedureStepStartTime",
        "PerformedStationAETitle",
        "PerformedStationGeographicLocationCodeSequence",
        "PerformedStationName",
        "PerformedStationNameCodeSequence",
        "PerformingPhysicianIdentificationSequence",
        "PerformingPhysicianName",
        "PersonAddress",
        "PersonIdentificationCodeSequence",
        "PersonName",
        "PersonTelecomInformation",
        "PersonTelephoneNumbers",
        "PhysicianApprovingInterpretation",
        "PhysiciansOfRecord",
        "PhysiciansOfRecordIdentificationSequence",
        "PhysiciansReadingStudyIdentificationSequence",
        "PlaceholderOrderNumberImagingServiceRequest",
        "PlacerOrderNumberImagingServiceRequest",
        "PlacerOrderNumberProcedure",
        "PlateID",
        "PregnancyStatus",
        "PreMedication",
        "ProcedureStepCancellationDateTime",
        "ProjectName",
        "ProtocolName",
        "ReasonForOmissionDescription",
        "ReasonForStudy",
        "ReasonForTheImagingServiceRequest",
        "ReasonForTheRequestedProcedure",
        "ReasonForVisit",
        "ReceivingAE",
        "ReferencedDigitalSignatureSequence",
        "ReferencedPatientAliasSequence",
        "ReferencedPatientPhotoSequence",
        "ReferencedPatientSequence",
        "ReferencedSOPInstanceMACSequence",
        "ReferringPhysicianAddress",
        "ReferringPhysicianIdentificationSequence",
        "ReferringPhysicianName",
        "ReferringPhysicianTelephoneNumbers",
        "RegionOfResidence",
        "RequestAttributesSequence",
        "RequestedContrastAgent",
        "RequestedProcedureComments",
        "RequestedProcedureDescription",
        "RequestedProcedureID",
        "RequestedProcedureLocation",
        "RequestedSeriesDescription",
        "RequestingPhysician",
        "RequestingService",
        "RespiratoryMotionCompensationTechniqueDescription",
        "ResponsibleOrganization",
        "ResponsiblePerson",
        "ResultsComments",
        "ResultsDistributionListSequence",
        "ResultsIDIssuer",
        "ReviewDate",
        "ReviewTime",
        "ReviewerName",
        "RTPlanDate",
        "RTPlanDescription",
        "RTPlanLabel",
        "RTPlanName",
        "RTPlanTime",
        "ScheduledAdmissionDate",
        "ScheduledAdmissionTime",
        "ScheduledDischargeDate",
        "ScheduledDischargeTime",
        "ScheduledHumanPerformersSequence",
        "ScheduledPatientInstitutionResidence",
        "ScheduledPerformingPhysicianIdentificationSequence",
        "ScheduledPerformingPhysicianName",
        "ScheduledProcedureStepDescription",
        "ScheduledProcedureStepEndDate",
        "ScheduledProcedureStepEndTime",
        "ScheduledProcedureStepID",
        "ScheduledProcedureStepLocation",
        "ScheduledProcedureStepStartDate",
        "ScheduledProcedureStepStartTime",
        "ScheduledStationAETitle",
        "ScheduledStationGeographicLocationCodeSequence",
        "ScheduledStationName",
        "ScheduledStationNameCodeSequence",
        "ScheduledStudyLocation",
        "ScheduledStudyLocationAETitle",
        "ScheduledStudyStartDate",
        "ScheduledStudyStartTime",
        "SecondaryReviewerName",
        "SeriesDate",
        "SeriesDescription",
        "SeriesTime",
        "ServiceEpisodeDescription",
        "ServiceEpisodeID",
        "SetupTechniqueDescription",
        "SlideIdentifier",
        "SmokingStatus",
        "SourceIdentifier",
        "SourceManufacturer",
        "SourceSerialNumber",
        "SpecialNeeds",
        "SpecimenAccessionNumber",
        "SpecimenDetailedDescription",
        "SpecimenIdentifier",
        "StationName",
        "StructureSetDate",
        "StructureSetDescription",
        "StructureSetLabel",
        "StructureSetName",
        "StructureSetTime",
        "StudyArrivalDate",
        "StudyArrivalTime",
        "StudyComments",
        "StudyCompletionDate",
        "StudyCompletionTime",
        "StudyDate",
        "StudyDescription",
        "StudyID",
        "StudyIDIssuer",
        "StudyReadDate",
        "StudyReadTime",
        "StudyTime",
        "StudyVerifiedDate",
        "StudyVerifiedTime",
        "TelephoneNumberTrial",
        "TextComments",
        "TextString",
        "TextValue",
        "TimezoneOffsetFromUTC",
        "TopicAuthor",
        "TopicKeywords",
        "TopicSubject",
        "TopicTitle",
        "TreatmentDate",
        "TreatmentMachineName",
        "TreatmentTime",
        "UniqueDeviceIdentifier",
        "UDISequence",
        "VerbalSourceTrial",
        "VerifyingObserverIdentificationCodeSequence",
        "VerifyingObserverName",
        "VerifyingObserverSequence",
        "VerifyingOrganization",
        "VisitComments",
        "XRaySourceID",
    ]
)
_NAMING = frozenset({"PN", "DA", "DT", "TM"})  # value representations: names of persons, dates, times
# Whose values are struck out of free text, beside the names of persons: other values of the profile,
# such as a description of the study, are words that a report may need.
_STRUCK = frozenset(
    [
        "AccessionNumber",
        "InstitutionAddress",
        "InstitutionName",
        "IssuerOfPatientID",
        "MedicalRecordLocator",
        "OtherPatientIDs",
        "PatientAddress",
        "PatientBirthDate",
        "PatientID",
        "PatientTelephoneNumbers",
        "ReferringPhysicianTelephoneNumbers",
        "StationName",
    ]
)
_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, OSError)


def identifying(dataset: Any) -> frozenset[str]:
    """The keywords of everything in the header, sequences included, that the profile removes."""
    return frozenset(
        element.keyword
        for element in _elements(dataset)
        if not element.tag.is_private and (element.keyword in PROFILE or element.VR in _NAMING)
        if element.keyword != "TextValue"  # a report's own words: kept, and struck out instead
    )


def names(dataset: Any) -> frozenset[str]:
    """What would tell somebody in free text: names of persons and their parts, numbers, addresses."""
    found: set[str] = set()
    for element in _elements(dataset):
        if element.VR == "PN":
            for value in _values(element):
                found |= {value, *re.split(r"[\^=\s]+", value)}
        elif element.keyword in _STRUCK:
            found |= set(_values(element))
    return frozenset(name for name in found if len(name) >= _SHORTEST)


def private_count(dataset: Any) -> int:
    """How many private attributes there are, sequences included."""
    return sum(1 for element in _elements(dataset) if element.tag.is_private)


def struck(text: str, told: Collection[str]) -> str:
    """`text` without those names."""
    if not told:
        return text
    longest_first = sorted(told, key=lambda name: (-len(name), name))
    pattern = r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)"
    return re.sub(pattern, "[removed]", text, flags=re.IGNORECASE)


def _elements(dataset: Any) -> Iterator[Any]:
    for tag in list(dataset.keys()):
        try:
            element = dataset[tag]
        except _UNREADABLE:
            continue  # it cannot be read: nothing of it is indexed
        yield element
        if element.VR == "SQ":
            for item in element.value or []:
                yield from _elements(item)


def _values(element: Any) -> Iterator[str]:
    if element.value is None:
        return
    values = element.value if element.VM > 1 else [element.value]
    yield from (text for value in values if (text := str(value).strip()))
