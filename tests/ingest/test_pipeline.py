import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.database import migrate, open_engine
from core.errors import BackendError, InputError, LockedFile, NotFound, Overloaded, TooLarge
from core.ids import chunk_id
from core.types import PUBLIC, Access, Block, Content, Document, Page
from ingest.sandbox import Interrupted, read_file
from rag.index.sparse import LexicalEncoder
from rag.index.store import Space
from rag.index.turns import Room
from tests.fakes import MemoryStore, WordEmbedder
from tests.ingest.house import LOGO, SPACES, TENANT, House, doc_id, job, memory_store, read_pages
from tests.schema import put_schema


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    engine = open_engine(f"sqlite:///{put_schema(tmp_path / 'sightline.db')}")
    migrate(engine)
    yield House(engine, tmp_path, memory_store())
    engine.dispose()


# ---------------------------------------------------------------- the path of a file


def test_an_accepted_file_is_kept_before_the_call_returns(house: House, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"Margins fell.")
    file = house.open().accept(TENANT, "a.txt", tmp_path / "a.txt")
    assert (file.status, file.bytes) == ("queued", 13)
    assert house.media.get(TENANT, file.content_hash) == b"Margins fell."
    assert house.catalog.get(TENANT, file.id) == file
    assert house.found("margins") == []


def test_an_ingested_file_is_found_and_every_page_is_accounted_for(house: House) -> None:
    ready = house.ingest("dir/a.txt", "Margins fell.\n\nCosts rose.\fbroken\fSales grew.")
    assert (ready.status, ready.live_version, ready.title) == ("ready", 1, "a")
    assert (ready.pages_total, ready.pages_done, ready.pages_failed) == (3, 2, 1)
    assert [page.problem for page in house.catalog.list_pages(TENANT, ready.id)] == [
        "",
        "the page is torn",
        "",
    ]
    assert house.found("margin") == ["Margins fell.\n\nCosts rose.\n\nSales grew."]
    assert ready.chunks == house.store.count(TENANT, ready.id, 1) == 1
    assert (ready.tokens, ready.tokens_dropped) == (house.embedder.tokens_seen, 0)
    assert house.documents_in_graph() == {ready.id}


def test_chinese_text_goes_the_same_way(house: House) -> None:
    house.ingest("年报.txt", "本年度毛利率下降。\f原因是成本上升。")
    assert house.found("毛利率") == ["本年度毛利率下降。\n\n原因是成本上升。"]


def test_the_same_file_again_does_nothing(house: House) -> None:
    ready = house.ingest("a.txt", "Margins fell.")
    seen = house.embedder.tokens_seen
    assert house.open().accept(TENANT, "a.txt", b"Margins fell.") == ready
    house.open().run(job(ready))
    assert house.catalog.get(TENANT, ready.id) == ready
    assert house.embedder.tokens_seen == seen
    assert house.found("margin") == ["Margins fell."]


def test_a_changed_file_replaces_the_old_one_without_a_gap(house: House) -> None:
    old = house.ingest("a.txt", "Margins fell. See the logo.")
    pipeline = house.open()
    file = pipeline.accept(TENANT, "a.txt", b"Margins rose.")
    seen: list[list[str]] = []

    def step(stage: Callable[..., Any], *arguments: Any) -> Any:
        seen.append(house.found("margin"))
        return stage(*arguments)

    pipeline.run(job(file), step)
    seen.append(house.found("margin"))
    before, after = ["Margins fell. See the logo."], ["Margins rose."]
    assert seen == [before, before, before, after, after]  # read, index, publish, sweep, end
    # nothing of the old one is left
    assert house.store.count(TENANT, old.id) == 0
    assert house.documents_in_graph() == {file.id}
    assert list(house.media.keys(TENANT)) == [file.content_hash]
    with pytest.raises(NotFound):
        house.catalog.get(TENANT, old.id)


def test_a_blob_that_another_document_shows_too_is_kept(house: House) -> None:
    house.ingest("a.txt", "The first logo.")
    second = house.ingest("b.txt", "The second logo.")
    house.open().delete(TENANT, doc_id("The first logo."))
    assert sorted(house.media.keys(TENANT)) == sorted([second.content_hash, hashlib.sha256(LOGO).hexdigest()])
    house.open().delete(TENANT, second.id)
    assert list(house.media.keys(TENANT)) == []


def test_other_labels_make_a_new_version_of_the_same_document(house: House) -> None:
    ready = house.ingest("a.txt", "Margins fell.")
    again = house.ingest("a.txt", "Margins fell.", frozenset({"board"}))
    assert (again.id, again.version, again.live_version) == (ready.id, 2, 2)
    assert house.found("margin") == []  # the reader of this test is not on the board
    assert house.store.count(TENANT, ready.id) == house.store.count(TENANT, ready.id, 2) == 1


def test_two_tenants_with_the_same_file_share_nothing(house: House) -> None:
    ours = house.ingest("a.txt", "Margins fell.")
    pipeline = house.open()
    theirs = pipeline.accept("globex", "a.txt", b"Margins fell.")
    pipeline.run(job(theirs))
    pipeline.delete(TENANT, ours.id)
    assert house.store.count("globex") == 1
    assert house.catalog.live("globex", [theirs.id]) == {theirs.id: 1}
    assert list(house.media.keys("globex")) == [theirs.content_hash]


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("locked", "the file needs a password"),
        ("broken", "no page could be read: the page is torn"),
        ("broken\fbroken", "no page could be read: the page is torn"),
        (" ", "no text was found in the file"),
    ],
)
def test_a_file_that_cannot_be_read_fails_with_the_reason_and_leaves_nothing_visible(
    house: House, text: str, reason: str
) -> None:
    old = house.ingest("a.txt", "Margins fell.")
    failed = house.ingest("a.txt", text)
    assert (failed.status, failed.reason, failed.live_version) == ("failed", reason, None)
    assert house.store.count(TENANT, failed.id) == 0
    assert house.documents_in_graph() == {old.id}
    assert house.found("margin") == ["Margins fell."]  # the old version stays live
    # the bytes stay for another attempt, and nothing else does
    assert sorted(house.media.keys(TENANT)) == sorted([old.content_hash, failed.content_hash])
    assert list((house.folder / "scratch").iterdir()) == []


def test_a_failed_file_can_be_tried_again(house: House) -> None:
    def stubborn(path: Path, **options: Any) -> Content:
        raise LockedFile("the file needs a password")

    house.reader = stubborn
    assert house.ingest("a.txt", "Margins fell.").status == "failed"
    house.reader = read_pages
    ready = house.ingest("a.txt", "Margins fell.")
    assert (ready.status, ready.version, ready.reason) == ("ready", 2, "")


def test_a_file_over_the_limit_is_refused_by_size(house: House, tmp_path: Path) -> None:
    pipeline = house.open(max_bytes=10)
    (tmp_path / "large.txt").write_bytes(b"x" * 11)
    for large in (b"x" * 11, tmp_path / "large.txt"):
        with pytest.raises(TooLarge, match="11 bytes; at most 10"):
            pipeline.accept(TENANT, "large.txt", large)
    assert list(house.media.keys(TENANT)) == []


def test_what_there_is_no_room_for_leaves_nothing(house: House) -> None:
    pipeline = house.open(room=Room(1, 9))
    first = pipeline.accept(TENANT, "a.txt", b"Margins fell.")
    with pytest.raises(Overloaded):
        pipeline.accept(TENANT, "b.txt", b"Costs rose.")
    assert list(house.media.keys(TENANT)) == [first.content_hash]
    assert [file.id for file in house.catalog.list_files(TENANT)] == [first.id]
    assert pipeline.accept(TENANT, "b.txt", b"Margins fell.").id == first.id  # nothing more waits


def test_a_name_that_cannot_be_kept_is_refused(house: House) -> None:
    with pytest.raises(InputError, match="characters"):
        house.open().accept(TENANT, "a" * 601, b"text")
    assert list(house.media.keys(TENANT)) == []


def test_an_index_that_lost_a_point_never_becomes_ready(house: House) -> None:
    class Forgetful(MemoryStore):
        def upsert(self, points: Any) -> None:
            super().upsert(points[1:])

    house.store = Forgetful(SPACES, LexicalEncoder().name)
    with pytest.raises(BackendError, match="0 of the 1 passages"):
        house.ingest("a.txt", "Margins fell.")
    assert house.found("margin") == []
    (file,) = house.catalog.list_files(TENANT)
    assert file.status == "indexing"


def test_tokens_that_the_encoder_dropped_are_recorded(house: House) -> None:
    class Short(WordEmbedder):
        """Says that it reads 512 tokens, and reads 5."""

        def chunks(self, chunks: Any) -> Any:
            self.tokens_dropped += 1
            self._max_tokens = 5
            return super().chunks(chunks)

    house.embedder = Short()
    ready = house.ingest("a.txt", "One two three four five six seven.")
    assert ready.tokens_dropped == 3  # with the title


def test_a_document_deleted_while_it_is_indexed_leaves_nothing(house: House) -> None:
    pipeline = house.open()
    victim = ""

    def step(stage: Callable[..., Any], *arguments: Any) -> Any:
        result = stage(*arguments)
        if stage.__name__ == victim:
            house.open().delete(TENANT, file.id)
        return result

    for stage_before in ("read", "index"):
        victim = stage_before
        file = pipeline.accept(TENANT, "a.txt", b"Margins fell. See the logo.")
        pipeline.run(job(file), step)
        assert house.store.count(TENANT) == 0
        assert list(house.media.keys(TENANT)) == []
        assert house.documents_in_graph() == set()
        assert house.catalog.list_files(TENANT) == []


def test_a_document_deleted_while_it_is_read_leaves_no_picture(house: House) -> None:
    file = house.open().accept(TENANT, "a.txt", b"Margins fell. See the logo.")

    def slow(*arguments: Any, **options: Any) -> Content:
        content = read_pages(*arguments, **options)
        house.open().delete(TENANT, file.id)
        return content

    house.reader = slow
    house.open().run(job(file))
    assert list(house.media.keys(TENANT)) == []
    assert house.store.count(TENANT) == 0


def test_the_job_of_a_superseded_version_removes_only_its_own(house: House) -> None:
    first = house.open()
    old = first.accept(TENANT, "a.txt", b"Margins fell.")

    def step(stage: Callable[..., Any], *arguments: Any) -> Any:
        result = stage(*arguments)
        if stage.__name__ == "index":  # the other labels come, and are ready, before this one is
            house.ingest("a.txt", "Margins fell.", frozenset({"public", "board"}))
        return result

    first.run(job(old), step)
    assert house.catalog.live(TENANT, [old.id]) == {old.id: 2}
    assert house.store.count(TENANT, old.id) == house.store.count(TENANT, old.id, 2) == 1
    assert house.found("margin") == ["Margins fell."]


def test_an_interrupted_pipeline_stops_and_another_one_goes_on(house: House) -> None:
    pipeline = house.open()
    file = pipeline.accept(TENANT, "a.txt", b"Margins fell.")
    pipeline.interrupt()
    with pytest.raises(Interrupted):
        pipeline.run(job(file))
    assert house.catalog.get(TENANT, file.id).status == "queued"
    house.open().run(job(file))
    assert house.found("margin") == ["Margins fell."]


def test_a_real_file_is_read_in_a_child_process(house: House) -> None:
    house.reader = read_file
    ready = house.ingest("notes.md", "# Margins\n\nThey fell.\n\n| | 2023 |\n|-|-|\n| Sales | 5 |\n")
    assert (ready.status, ready.media_type, ready.title) == ("ready", "text/markdown", "Margins")
    (text,) = house.found("fell")
    (table,) = house.found("sale")
    assert (text, table) == ("They fell.", " | 2023\nSales | 5")
    failed = house.ingest("report.pdf", "%PDF-1.7 and nothing else")
    assert failed.status == "failed"
    assert failed.reason


def test_a_child_process_that_reads_ends_with_the_process(house: House) -> None:
    file = house.open().accept(TENANT, "notes.md", b"# Margins")

    def late(*arguments: Any, **options: Any) -> Content:
        pipeline.interrupt()
        return read_file(*arguments, **options)

    house.reader = late
    pipeline = house.open()
    with pytest.raises(Interrupted):
        pipeline.run(job(file))
    assert list((house.folder / "scratch").iterdir()) == []
    assert house.catalog.get(TENANT, file.id).status == "reading"


def test_pictures_get_vectors_of_their_own_space(house: House) -> None:
    house.store = MemoryStore(SPACES | {"image": Space("words-256", 256)}, LexicalEncoder().name)
    pipeline = house.open(image_embedder=WordEmbedder())
    file = pipeline.accept(TENANT, "a.txt", b"Margins fell. See the logo.")
    pipeline.run(job(file))
    query = WordEmbedder().query("the logo")
    hits = house.store.search("image", query, access=Access(TENANT), limit=5)
    assert [hit.chunk_id for hit in hits] == [chunk_id(TENANT, file.id, 1, 1)]


# ---------------------------------------------------------------- deletion


def test_a_deleted_document_leaves_nothing_behind(house: House) -> None:
    ready = house.ingest("a.txt", "Margins fell. See the logo.")
    house.open().delete(TENANT, ready.id)
    assert house.store.count(TENANT) == 0
    assert list(house.media.keys(TENANT)) == []
    assert house.documents_in_graph() == set()
    assert house.catalog.retired() == []
    with pytest.raises(NotFound):
        house.open().delete(TENANT, ready.id)


def test_another_tenants_document_cannot_be_deleted(house: House) -> None:
    ready = house.ingest("a.txt", "Margins fell.")
    with pytest.raises(NotFound):
        house.open().delete("globex", ready.id)
    assert house.found("margin") == ["Margins fell."]


# ---------------------------------------------------------------- records


def record(number: int, text: str = "", tenant: str = TENANT) -> Document:
    text = text or f"Record {number} tells of topic{number}."
    content = Content("text/plain", (Page(1, (Block("text", text),)),), f"Title {number}")
    return Document(
        doc_id(f"{number} {text}"), tenant, f"corpus/{number}", 1, f"Title {number}", PUBLIC, content
    )


def test_records_are_indexed_without_files(house: House) -> None:
    told: list[int] = []
    records = [record(number) for number in range(1200)]
    assert house.open().index_documents(iter(records), told.append) == 1200
    assert told == [1000, 1200]
    assert house.found("topic77") == ["Record 77 tells of topic77."]
    totals = house.catalog.totals(TENANT)
    assert (totals.files, totals.pages, totals.chunks) == ({"ready": 1200}, 1200, 1200)
    assert totals.tokens == house.embedder.tokens_seen
    assert house.documents_in_graph() == {one.id for one in records}


def test_records_again_are_a_no_op_and_changed_ones_replace_the_old(house: House) -> None:
    house.open().index_documents([record(1), record(2)])
    seen = house.embedder.tokens_seen
    assert house.open().index_documents([record(1), record(2)]) == 0
    assert house.embedder.tokens_seen == seen
    assert house.open().index_documents([record(1), record(2, "Changed topic2.")]) == 1
    assert house.found("topic2") == ["Changed topic2."]
    assert house.store.count(TENANT) == 2


def test_records_with_other_labels_are_indexed_anew(house: House) -> None:
    house.open().index_documents([record(1)])
    other = replace(record(1), access=frozenset({"public", "board"}))
    assert house.open().index_documents([other]) == 1
    assert house.catalog.get(TENANT, other.id).live_version == 2
    assert house.store.count(TENANT) == 1


def test_a_record_without_words_fails_and_the_others_go_on(house: House) -> None:
    assert house.open().index_documents([record(1), record(2, " ")]) == 1
    failed = house.catalog.get(TENANT, record(2, " ").id)
    assert (failed.status, failed.reason) == ("failed", "no text was found in the record")


def test_records_of_several_tenants_stay_apart(house: House) -> None:
    theirs = replace(record(2, "secret topic1"), tenant="globex")
    house.open().index_documents([record(1), theirs, record(3)])
    assert house.found("topic1") == ["Record 1 tells of topic1."]
    assert house.store.count("globex") == 1


# ---------------------------------------------------------------- a process that dies at any instant


class Died(BaseException):
    """The process ends here."""


class Mortal:
    """Lets the n-th effect be the last: the process ends when it has happened."""

    EFFECTS = frozenset(
        {"put", "delete", "upsert", "flush", "write_many", "accept", "accept_all", "start", "describe"}
        | {"progress", "publish", "fail", "refer", "retire", "forget", "releasing", "releasing_blobs"}
    )

    def __init__(self, last: int) -> None:
        self.left = last

    def wrap(self, part: Any) -> Any:
        mortal = self

        class Wrapped:
            def __getattr__(self, name: str) -> Any:
                value = getattr(part, name)
                return mortal.effect(value) if name in mortal.EFFECTS else value

        return Wrapped()

    def effect(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def once(*arguments: Any, **options: Any) -> Any:
            result = call(*arguments, **options)
            self.left -= 1
            if self.left == 0:
                raise Died
            return result

        return once


class Ledger:
    """What a durable queue does: results of steps are remembered, steps without one are done again."""

    def __init__(self) -> None:
        self.results: dict[tuple[Any, ...], Any] = {}

    def step(self, stage: Callable[..., Any], *arguments: Any) -> Any:
        key = (stage.__name__, *arguments[:3])
        if key not in self.results:
            self.results[key] = stage(*arguments)
        return self.results[key]


def deaths(scenario: Callable[[Mortal], None]) -> Iterator[int]:
    """Runs a scenario again and again, each time letting it die one effect later, until it lives."""
    for last in range(1, 500):
        try:
            scenario(Mortal(last))
        except Died:
            yield last
        else:
            return
    raise AssertionError("the scenario never ends")


def check(house: House, *texts: str) -> None:
    """Exactly these documents are there, whole, and nothing else is."""
    ids = {doc_id(text) for text in texts}
    files = house.catalog.list_files(TENANT)
    assert {file.id for file in files} == ids
    assert all(file.status == "ready" and file.live_version == file.version for file in files)
    assert house.documents_in_graph() == ids
    assert house.store.count(TENANT) == sum(file.chunks for file in files)
    kept = {file.content_hash for file in files} | {
        hashlib.sha256(LOGO).hexdigest() for t in texts if "logo" in t
    }
    assert set(house.media.keys(TENANT)) == kept
    assert list((house.folder / "scratch").glob("*")) == []
    assert house.catalog.retired() == []


def test_ingestion_that_dies_at_any_instant_ends_whole_when_it_goes_on(house: House) -> None:
    texts = [f"Margins changed {number} times. See the logo.\fbroken" for number in range(100)]
    house.ingest("a.txt", texts[0])
    round_ = 0
    ledger = Ledger()

    def scenario(mortal: Mortal) -> None:
        nonlocal round_, ledger
        round_, ledger = round_ + 1, Ledger()
        pipeline = house.open(mortal.wrap)
        file = pipeline.accept(TENANT, "a.txt", texts[round_].encode())
        pipeline.run(job(file), ledger.step)

    for _ in deaths(scenario):
        # at this very moment the old one is seen, or the new one, and never both
        assert house.found("margin") in [[text.split("\f")[0]] for text in texts[round_ - 1 : round_ + 1]]
        pipeline = house.open()
        pipeline.tidy()
        file = pipeline.accept(TENANT, "a.txt", texts[round_].encode())
        pipeline.run(job(file), ledger.step)
        check(house, texts[round_])
    check(house, texts[round_])
    assert round_ > 20


def test_deletion_that_dies_at_any_instant_ends_whole_when_it_goes_on(house: House) -> None:
    text, other = "Margins fell. See the logo.", "Sales grew. See the logo."
    house.ingest("b.txt", other)

    def scenario(mortal: Mortal) -> None:
        house.ingest("a.txt", text)
        house.open(mortal.wrap).delete(TENANT, doc_id(text))

    rounds = 0
    for _ in deaths(scenario):
        rounds += 1
        assert house.found("margin") == []  # hidden at once
        house.open().tidy()
        check(house, other)
    check(house, other)
    assert rounds > 5


def test_records_that_die_at_any_instant_end_whole_when_they_come_again(house: House) -> None:
    records: list[Document] = []

    def scenario(mortal: Mortal) -> None:
        nonlocal records
        # the same three names, with new content each time
        records = [replace(record(n, f"round{mortal.left} topic{n}"), source=f"corpus/{n}") for n in range(3)]
        house.open(mortal.wrap).index_documents(records)

    rounds = 0
    for _ in deaths(scenario):
        rounds += 1
        house.open().tidy()
        house.open().index_documents(records)
        assert house.store.count(TENANT) == 3
        assert house.documents_in_graph() == {one.id for one in records}
        assert {file.id for file in house.catalog.list_files(TENANT, status="ready")} == {
            one.id for one in records
        }
    assert rounds > 10


def test_keys_are_made_at_publication_and_again_from_what_is_indexed(house: House) -> None:
    manual = "PX-200 User Manual\n\n" + "\n\n".join(
        f"Step {number}: {'turn the wheel. ' * 40}" for number in range(60)
    )
    file = house.ingest("px200_user_manual.txt", manual)
    made = house.keys.get(file.id, 1)
    assert made is not None
    assert made.form == "manual"
    with house.engine.begin() as connection:
        house.keys.delete(connection, file.id, before_version=2)
    assert house.keys.get(file.id, 1) is None
    assert house.open().rekey(TENANT) == 1
    assert house.keys.get(file.id, 1) == made
    with house.engine.connect() as connection:
        assert house.keys.census(connection, TENANT, [file.id]) == {(file.id, 1): file.keys}
    assert house.catalog.get(TENANT, file.id).keys == file.keys > 1
