"""The whole state is counted against the ledger, and what does not add up is repaired."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import delete, insert, select, update

import core.database
from core.database import migrate, open_engine
from core.types import PUBLIC, Access, Block, Content, Document, Page
from ingest.reconcile import Reconciler, Recount
from kg import tables
from rag.index import facts
from rag.index.files import FileStatus
from rag.index.keys import document_names
from rag.index.sparse import LexicalEncoder
from rag.index.tables import documents, media, pages
from tests.fakes import a_chunk
from tests.ingest.house import LOGO, TENANT, House, job, memory_store
from tests.schema import put_schema

TEXT = 'Revenue of Acme Corporation (the "Company") rose 12 % to $41.3 million in 2025. See the logo.\fCosts rose.\fbroken'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    engine = open_engine(f"sqlite:///{put_schema(tmp_path / 'sightline.db')}")
    migrate(engine)
    yield House(engine, tmp_path, memory_store())
    engine.dispose()


def recount(house: House, *tenants: str) -> Recount:
    reconciler = Reconciler(
        engine=house.engine,
        pipeline=house.open(),
        store=house.store,
        graph=house.graph,
        facts=house.facts,
        keys=house.keys,
        media=house.media,
    )
    return reconciler.run(tenants or None)


def ingest(house: House) -> FileStatus:
    """A document with everything: an image, facts, a page that could not be read."""
    file = house.ingest("a.txt", TEXT)
    assert file.status == "ready"
    assert file.facts > 0
    return file


def execute(house: House, statement: Any) -> None:
    with house.engine.begin() as connection:
        connection.execute(statement)


def wrong(found: Recount) -> list[tuple[str, int, int, str]]:
    return [(one.what, one.expected, one.found, one.done) for one in found.findings]


def test_a_state_that_adds_up_is_counted_and_left_alone(house: House) -> None:
    file = ingest(house)
    found = recount(house)
    assert (found.documents, found.pages, found.media) == (1, 3, 2)
    assert (found.vectors, found.passages, found.facts) == (file.chunks, file.chunks, file.facts)
    assert (found.blocks, found.sentences) == (file.blocks, file.sentences)
    assert (found.mentions, found.subjects) == (file.mentions, file.subjects)
    assert min(found.blocks, found.sentences, found.mentions, found.subjects, found.entities) > 0
    assert (found.findings, found.queued) == ((), ())
    assert house.catalog.get(TENANT, file.id) == file


def lose_a_vector(house: House, _file: FileStatus) -> None:
    house.store._points.popitem()


def lose_all_vectors(house: House, file: FileStatus) -> None:
    house.store.delete(TENANT, file.id)


def lose_a_passage(house: House, _file: FileStatus) -> None:
    execute(house, delete(tables.passages).where(tables.passages.c.passage == 0))


def lose_a_sentence(house: House, _file: FileStatus) -> None:
    execute(house, delete(tables.sentences).where(tables.sentences.c.sentence == 0))


def lose_the_mentions(house: House, _file: FileStatus) -> None:
    execute(house, delete(tables.mentions))


def lose_the_subjects(house: House, _file: FileStatus) -> None:
    execute(house, delete(tables.subjects))


def miscount_the_blocks(house: House, _file: FileStatus) -> None:
    execute(house, update(pages).where(pages.c.number == 1).values(blocks=pages.c.blocks - 1))


def lose_the_graph(house: House, file: FileStatus) -> None:
    with house.engine.begin() as connection:
        house.graph.delete(connection, TENANT, file.id)


def lose_facts(house: House, _file: FileStatus) -> None:
    execute(house, delete(facts.facts).where(facts.facts.c.number == 0))


def lose_a_page(house: House, _file: FileStatus) -> None:
    execute(house, delete(pages).where(pages.c.number == 1))


def lose_an_image(house: House, file: FileStatus) -> None:
    (image,) = set(house.media.keys(TENANT)) - {file.content_hash}
    house.media.delete(TENANT, image)


def spoil_an_image(house: House, file: FileStatus) -> None:
    (image,) = set(house.media.keys(TENANT)) - {file.content_hash}
    spoil(house, image)


def spoil(house: House, key: str) -> None:
    """Other bytes, as many of them."""
    path = house.media.path(TENANT, key)
    path.write_bytes(bytes(byte ^ 1 for byte in path.read_bytes()))


def miscount_the_pages(house: House, _file: FileStatus) -> None:
    execute(house, update(documents).values(pages_done=99))


# What is lost with something else: of a passage its sentences, and names that stood nowhere else.
GO_WITH = {
    "pages": {"blocks"},
    "passages": {"sentences", "mentions", "subjects", "entities"},
    "sentences": {"mentions", "entities"},
    "mentions": {"entities"},
    "subjects": {"entities"},
}


@pytest.mark.parametrize(
    ("harm", "what"),
    [
        (lose_a_vector, "vectors"),
        (lose_all_vectors, "vectors"),
        (lose_a_passage, "passages"),
        (miscount_the_blocks, "blocks"),
        (lose_facts, "facts"),
        (lose_a_page, "pages"),
        (lose_an_image, "media"),
        (spoil_an_image, "media"),
        (miscount_the_pages, "pages"),
    ],
)
def test_a_document_that_lost_something_is_queued_again_and_then_adds_up(
    house: House, harm: Callable[[House, FileStatus], None], what: str
) -> None:
    file = ingest(house)
    harm(house, file)
    found = recount(house)
    told = {(one.doc_id, one.what, one.done) for one in found.findings}
    assert (file.id, what, "queued") in told
    assert {one.what for one in found.findings} - {what} <= GO_WITH.get(what, set())
    (queued,) = found.queued
    assert (queued.id, queued.version, queued.status, queued.live_version) == (file.id, 2, "queued", 1)
    assert wrong(recount(house)) == []  # what is on its way is not looked at twice

    house.open().run(job(queued))
    assert house.catalog.get(TENANT, file.id).status == "ready"
    again = recount(house)
    assert (wrong(again), again.vectors, again.media) == ([], file.chunks, 2)


def test_names_under_which_a_document_is_asked_for_come_back(house: House) -> None:
    steps = "\n\n".join(f"Step {number}: {'turn the wheel. ' * 40}" for number in range(60))
    file = house.ingest("px200_user_manual.txt", f"PX-200 User Manual\n\n{steps}")
    made = house.keys.get(file.id, 1)
    assert made is not None
    assert recount(house).keys == file.keys > 1
    execute(house, delete(document_names))
    found = recount(house)
    assert wrong(found) == [("keys", file.keys, 1, "queued")]
    house.open().run(job(found.queued[0]))
    assert (wrong(recount(house)), house.keys.get(file.id, 2)) == ([], made)


@pytest.mark.parametrize("harm", [lose_a_sentence, lose_the_mentions, lose_the_subjects, lose_the_graph])
def test_whatever_the_graph_lost_comes_back(house: House, harm: Callable[[House, FileStatus], None]) -> None:
    file = ingest(house)
    before = names(house)
    harm(house, file)
    found = recount(house)
    assert [one.id for one in found.queued] == [file.id]
    house.open().run(job(found.queued[0]))
    assert wrong(recount(house)) == []
    assert names(house) == before
    ready = house.catalog.get(TENANT, file.id)
    assert (ready.sentences, ready.mentions, ready.subjects) == (file.sentences, file.mentions, file.subjects)


def names(house: House) -> set[tuple[str, int, int]]:
    table = tables.entities.c
    with house.engine.connect() as connection:
        rows = connection.execute(select(table.name, table.passages, table.subjects))
        return {(row[0], row[1], row[2]) for row in rows}


def test_names_that_were_counted_wrong_are_corrected(house: House) -> None:
    ingest(house)
    before, number = names(house), len(names(house))
    execute(house, update(tables.entities).values(passages=7))
    assert wrong(recount(house)) == [("entities", number, 0, "corrected")]
    assert names(house) == before
    assert wrong(recount(house)) == []


def test_a_name_that_nothing_mentions_is_removed(house: House) -> None:
    ingest(house)
    before = names(house)
    execute(
        house,
        insert(tables.entities).values(
            id=1, tenant=TENANT, name="nobody", kind="name", context="", surface="", passages=0, subjects=0
        ),
    )
    assert wrong(recount(house)) == [("entities", 0, 1, "removed")]
    assert names(house) == before


def test_documents_that_name_what_is_gone_are_read_again(house: House) -> None:
    """Two of them, so that each brings the name back for both."""
    first = house.ingest("a.txt", "Acme Corporation had revenue of $41.3 million in 2025.")
    second = house.ingest("b.txt", "Acme Corporation met Globex Corporation in Berlin.")
    before = names(house)
    execute(house, delete(tables.entities).where(tables.entities.c.name == "acme corporation"))
    assert names(house) != before
    found = recount(house)
    assert {one.id for one in found.queued} == {first.id, second.id}
    assert {one.what for one in found.findings} == {"mentions"}
    for queued in found.queued:
        house.open().run(job(queued))
    assert wrong(recount(house)) == []
    assert names(house) == before


def test_a_document_whose_file_is_gone_is_failed_until_it_is_sent_again(house: House) -> None:
    file = ingest(house)
    house.media.path(TENANT, file.content_hash).write_bytes(b"half of i")
    assert wrong(recount(house)) == [("media", 2, 1, "failed")]
    told = house.catalog.get(TENANT, file.id)
    assert (told.status, told.live_version) == ("failed", 1)
    assert told.reason == "the state holds 1 of 2 media, and its content is not kept; send it again"
    assert wrong(recount(house)) == [("media", 2, 1, "failed")]  # and it says so until then
    ingest(house)
    assert wrong(recount(house)) == []


def test_a_file_with_other_bytes_of_the_same_length_is_not_read_for_it(house: House) -> None:
    file = ingest(house)
    spoil(house, file.content_hash)
    lose_facts(house, file)
    assert {(one.what, one.done) for one in recount(house).findings} == {
        ("facts", "failed"),
        ("media", "failed"),
    }
    ingest(house)
    assert wrong(recount(house)) == []


def test_a_record_without_a_file_is_failed_until_it_is_sent_again(house: House) -> None:
    content = Content("text/plain", (Page(1, (Block("text", "Margins fell."),)),))
    record = Document("doc-1", TENANT, "corpus/1", 1, "Record", PUBLIC, content)
    house.open().index_documents([record])
    house.store.delete(TENANT, "doc-1")
    assert wrong(recount(house)) == [("vectors", 1, 0, "failed")]
    assert house.open().index_documents([record]) == 1
    assert wrong(recount(house)) == []


def test_what_belongs_to_no_document_is_removed_and_told(house: House) -> None:
    file = ingest(house)
    orphans = [a_chunk("00000000-0000-0000-0000-000000000001", "of nobody", doc_id="doc-x", tenant=TENANT)]
    old = a_chunk(
        "00000000-0000-0000-0000-000000000002", "of version 7", doc_id=file.id, version=7, tenant=TENANT
    )
    house.store.upsert([point(house, chunk) for chunk in (*orphans, old)])
    with house.engine.begin() as connection:
        house.graph.write_many(connection, TENANT, [("doc-x", 1, orphans)])
    house.media.put(TENANT, b"of nobody")
    house.media.put("nobody", b"of nobody")
    assert sorted(wrong(recount(house))) == sorted(
        [
            ("vectors", 0, 1, "removed"),
            ("vectors", 0, 1, "removed"),
            ("passages", 0, 1, "removed"),
            ("media", 0, 1, "removed"),
            ("media", 0, 1, "removed"),
        ]
    )
    assert wrong(recount(house)) == []
    assert (house.store.count(TENANT), house.documents_in_graph()) == (file.chunks, {file.id})
    assert house.media.strangers([TENANT]) == []


def test_it_is_the_same_on_every_database(database: str, tmp_path: Path) -> None:
    engine = open_engine(database)
    migrate(engine)
    house = House(engine, tmp_path, memory_store())
    file = ingest(house)
    assert wrong(recount(house)) == []
    lose_a_passage(house, file)
    found = recount(house)
    assert (found.pages, found.facts) == (3, file.facts)
    assert ("passages", file.chunks, file.chunks - 1, "queued") in wrong(found)
    house.open().run(job(found.queued[0]))
    execute(house, update(tables.entities).values(passages=7))
    assert {one[3] for one in wrong(recount(house))} == {"corrected"}
    assert wrong(recount(house)) == []
    engine.dispose()


def test_a_state_from_before_the_graph_was_counted_adds_up(database: str, tmp_path: Path) -> None:
    engine = open_engine(database)
    migrate(engine)
    house = House(engine, tmp_path, memory_store())
    file = ingest(house)
    config = Config()
    config.set_main_option("script_location", str(Path(core.database.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0006")
    migrate(engine)
    assert wrong(recount(house)) == []
    assert house.catalog.get(TENANT, file.id) == file
    engine.dispose()


def point(house: House, chunk: Any) -> Any:
    return house.open()._points([chunk])[0]


def test_one_tenant_is_recounted_without_touching_another(house: House) -> None:
    ingest(house)
    lose_a_vector(house, house.catalog.list_files(TENANT)[0])
    house.media.put("nobody", b"of nobody")
    assert wrong(recount(house, "globex")) == []
    assert len(house.media.strangers([TENANT])) == 1


def test_what_is_published_between_two_looks_is_no_finding(house: House) -> None:
    """The vectors are counted before the document goes live, the ledger is read after."""
    pipeline = house.open()
    file = pipeline.accept(TENANT, "a.txt", TEXT.encode())
    census, runs = house.store.census, [job(file)]

    def slow(tenant: str, doc_ids: Collection[str] | None = None) -> dict[tuple[str, int], int]:
        counted: dict[tuple[str, int], int] = census(tenant, doc_ids)
        while runs:
            pipeline.run(runs.pop())
        return counted

    house.store.census = slow
    assert wrong(recount(house)) == []
    assert house.catalog.get(TENANT, file.id).version == 1


def test_what_is_in_work_is_left_alone(house: House) -> None:
    pipeline = house.open()
    file = pipeline.accept(TENANT, "a.txt", TEXT.encode())
    artefact = pipeline.read(*job(file))
    counts = pipeline.index(*job(file), artefact)
    assert wrong(recount(house)) == []
    assert pipeline.publish(*job(file), artefact, counts)
    assert house.found("costs")


def test_a_failed_attempt_leaves_no_points_beside_the_live_version(house: House) -> None:
    live = ingest(house)
    file = house.open().accept(TENANT, "a.txt", TEXT.encode(), frozenset({"board"}))
    pipeline = house.open()
    artefact = pipeline.read(*job(file))
    pipeline.index(*job(file), artefact)
    house.catalog.fail(job(file), "no")
    pipeline.sweep(*job(file))
    assert house.store.census(TENANT) == {(live.id, 1): live.chunks}
    with house.engine.connect() as connection:
        kept = set(connection.execute(select(media.c.key).where(media.c.version == 2)).scalars())
    assert kept == {file.content_hash}
    assert house.store.search("words", LexicalEncoder().query("costs"), access=Access(TENANT), limit=3)
    assert LOGO in {house.media.get(TENANT, key) for key in house.media.keys(TENANT)}
