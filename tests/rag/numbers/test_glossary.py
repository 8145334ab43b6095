"""Names that mean one thing, from the one glossary, and the units that tell tests apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.glossary import load_glossary
from core.types import PUBLIC, Chunk, Evidence
from rag.numbers.glossary import concept_of, concepts_of, units_of
from rag.numbers.pool import Pool

NAMES = sorted(name for term in load_glossary().terms.values() for name in term.names)


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ("turnover", "营业收入", "revenue"),
        ("SpO2", "血氧饱和度", "oxygen saturation"),
        ("WBC", "white blood cell count", "leukocytes"),
        ("glycated haemoglobin", "HbA1c", "haemoglobin a1c"),
        ("PP&E", "固定资产", "property_plant_equipment"),
    ],
)
def test_names_of_one_thing(one: str, other: str, name: str) -> None:
    assert concept_of(one) == concept_of(other) == name


def test_a_longer_name_hides_the_shorter_one_inside_it() -> None:
    assert concepts_of("systolic blood pressure") == {"systolic blood pressure"}


def test_a_value_in_a_unit_of_another_test_is_not_what_is_asked() -> None:
    text = "Haemoglobin 13.5 g/dL. Haemoglobin A1c 6.5 %."
    chunk = Chunk("c", "d", 1, 0, "Blood", PUBLIC, "text", "", (), text, ())
    pool = Pool([Evidence("S1", chunk, 1.0, frozenset())])
    assert [pool.ranked(asked)[0].value.raw for asked in ("HbA1c", "hgb")] == ["6.5 %", "13.5 g/dL"]
    assert "%" in units_of("haemoglobin a1c")


@given(st.lists(st.sampled_from(NAMES), max_size=5), st.sampled_from([" ", ", ", " of the "]))
def test_every_name_is_found_wherever_it_stands(names: list[str], between: str) -> None:
    """Each name by itself, and among others none that no name or part of two explains."""
    assert all(concept_of(name) in concepts_of(name) for name in names)
    found = concepts_of(between.join(names))
    assert bool(found) == bool(names)


def test_a_name_is_no_part_of_a_word() -> None:
    assert concepts_of("Netsales and ebitdas") == concepts_of("prerevenue") == frozenset()
