from collections.abc import Iterator
from datetime import UTC, date, datetime
from threading import Thread

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Engine

from core.database import metadata, migrate, open_engine
from core.errors import InputError, NotFound, WrongStage
from core.ids import content_hash, document_id
from core.types import PUBLIC, Block, Content, Document, Page
from rag.index.catalog import Catalog
from rag.index.files import MAX_SOURCE, Arrival, FileStatus, Indexed, Job

TENANT = "acme"


@pytest.fixture
def catalog(database: str) -> Iterator[Catalog]:
    engine = open_engine(database)
    migrate(engine)
    yield Catalog(engine)
    engine.dispose()


@pytest.fixture
def sqlite() -> Iterator[Catalog]:
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    yield Catalog(engine)
    engine.dispose()


def accept(catalog: Catalog, source: str, content: str, *, tenant: str = TENANT) -> FileStatus:
    return catalog.accept(tenant, source, content_hash(content.encode()), len(content), PUBLIC).file


def finish(catalog: Catalog, file: FileStatus, *, chunks: int = 3, tokens: int = 90) -> tuple[str, ...]:
    """Publishes a file; returns what it retired."""
    with catalog.engine.begin() as connection:
        published = catalog.publish(connection, file.tenant, [Indexed(file.id, file.version, chunks, tokens)])
    return published.retired


def job(file: FileStatus) -> Job:
    return Job(file.tenant, file.id, file.version)


def described(file: FileStatus, *problems: str) -> Document:
    pages = tuple(
        Page(number, (Block("text", "words"),), 612.25, 792.0, label=f"F-{number}", problem=problem)
        for number, problem in enumerate(problems, 1)
    )
    content = Content("application/pdf", pages, "Annual report", {"author": "A"}, date(2024, 2, 1))
    return Document(file.id, file.tenant, file.source, file.version, content.title, file.access, content)


# ---------------------------------------------------------------- the life of a file


def test_an_accepted_file_waits_in_the_queue_and_is_not_seen(catalog: Catalog) -> None:
    before = datetime.now(UTC)
    accepted = catalog.accept(TENANT, "a.pdf", content_hash(b"A"), 1, {"staff", "public"})
    file = accepted.file
    assert accepted.is_new
    assert file.id == document_id(TENANT, content_hash(b"A"))
    assert (file.status, file.version, file.live_version, file.source, file.bytes) == (
        "queued",
        1,
        None,
        "a.pdf",
        1,
    )
    assert file.access == {"staff", "public"}
    assert before <= file.created_at <= datetime.now(UTC)
    assert catalog.live(TENANT, [file.id]) == {}
    assert catalog.get(TENANT, file.id) == file


def test_a_document_is_known_from_its_stated_date_else_from_the_day_it_came(catalog: Catalog) -> None:
    stated, silent, waiting = (accept(catalog, name, name) for name in ("stated", "silent", "waiting"))
    other = accept(catalog, "other", "other", tenant="other")
    catalog.describe([described(stated, "")])  # 1 February 2024
    for file in (stated, silent, other):
        finish(catalog, file)
    today = datetime.now(UTC).date()
    assert catalog.known_at(TENANT, date(2024, 1, 31)) == frozenset()
    assert catalog.known_at(TENANT, date(2024, 2, 1)) == {stated.id}
    assert catalog.known_at(TENANT, silent.created_at.date()) == {stated.id, silent.id}
    assert waiting.id not in catalog.known_at(TENANT, today)


def test_a_file_goes_through_its_stages_until_it_is_live(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    reading = catalog.start(job(file), "reading")
    assert reading
    assert reading.status == "reading"
    assert catalog.describe([described(file, "", "", "torn")]) == {file.id}
    found = catalog.get(TENANT, file.id)
    assert (found.status, found.title, found.media_type) == ("indexing", "Annual report", "application/pdf")
    assert (found.pages_total, found.pages_done, found.pages_failed) == (3, 0, 1)
    assert (found.meta, found.valid_from) == ({"author": "A"}, date(2024, 2, 1))
    assert catalog.progress(job(file), 1)
    assert catalog.get(TENANT, file.id).pages_done == 1
    assert catalog.live(TENANT, [file.id]) == {}

    assert finish(catalog, file, chunks=7, tokens=700) == ()

    ready = catalog.get(TENANT, file.id)
    assert (ready.status, ready.live_version, ready.chunks, ready.tokens) == ("ready", 1, 7, 700)
    assert ready.finished
    # every page is accounted for
    assert ready.pages_done + ready.pages_failed == ready.pages_total
    assert catalog.live(TENANT, [file.id, "doc-unknown"]) == {file.id: 1}
    assert catalog.titles(TENANT, [file.id]) == {file.id: "Annual report"}


def test_every_page_is_listed_with_its_label_size_and_problem(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    catalog.describe([described(file, "", "torn")])
    first, second = catalog.list_pages(TENANT, file.id)
    assert (first.number, first.label, first.width, first.height) == (1, "F-1", 612.25, 792.0)
    assert (first.status, first.problem) == ("ingested", "")
    assert (second.status, second.problem) == ("failed", "torn")
    # reading again does not double them
    catalog.describe([described(file, "", "torn")])
    assert len(catalog.list_pages(TENANT, file.id)) == 2


def test_what_no_database_takes_as_text_is_left_out_of_titles_and_labels(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    page = Page(1, (), 1, 1, label="F\0-1", problem="bad \ud800 byte")
    content = Content("application/pdf", (page,), "", {"author": "A\0"})
    catalog.describe([Document(file.id, TENANT, "a.pdf", 1, "Annual\0 report", PUBLIC, content)])
    assert catalog.get(TENANT, file.id).title == "Annual report"
    assert catalog.get(TENANT, file.id).meta == {"author": "A"}
    (listed,) = catalog.list_pages(TENANT, file.id)
    assert (listed.label, listed.problem) == ("F-1", "bad ? byte")


def test_the_same_content_again_changes_nothing(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    again = catalog.accept(TENANT, "a.pdf", content_hash(b"A"), 1, PUBLIC)
    assert (again.file, again.is_new, again.retired) == (file, False, ())
    finish(catalog, file)
    ready = catalog.get(TENANT, file.id)
    once_more = catalog.accept(TENANT, "a.pdf", content_hash(b"A"), 1, PUBLIC)
    assert (once_more.file, once_more.is_new) == (ready, False)


def test_a_failed_file_is_queued_again_as_the_next_version(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    catalog.fail(job(file), "needs a password")
    failed = catalog.get(TENANT, file.id)
    assert (failed.status, failed.reason, failed.live_version) == ("failed", "needs a password", None)
    accepted = catalog.accept(TENANT, "a.pdf", content_hash(b"A"), 1, PUBLIC)
    assert accepted.is_new
    assert (accepted.file.status, accepted.file.version, accepted.file.reason) == ("queued", 2, "")


def test_other_labels_are_indexed_as_a_new_version_while_the_old_one_stays_live(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    finish(catalog, file)
    accepted = catalog.accept(TENANT, "a.pdf", content_hash(b"A"), 1, {"board"})
    assert accepted.is_new
    assert (accepted.file.version, accepted.file.live_version, accepted.file.access) == (
        2,
        1,
        frozenset({"board"}),
    )
    assert catalog.live(TENANT, [file.id]) == {file.id: 1}
    catalog.fail(job(accepted.file), "the disk is full")
    assert catalog.live(TENANT, [file.id]) == {file.id: 1}


def test_the_job_of_an_older_version_can_no_longer_change_anything(catalog: Catalog) -> None:
    old = accept(catalog, "a.pdf", "A")
    new = catalog.accept(TENANT, "a.pdf", content_hash(b"A"), 1, {"board"}).file
    assert catalog.start(job(old), "reading") is None
    assert not catalog.progress(job(old), 1)
    assert catalog.describe([described(old, "")]) == set()
    assert catalog.current(job(old)) is None
    catalog.fail(job(old), "too late")
    assert finish(catalog, old) == ()
    assert catalog.get(TENANT, old.id) == new


# ---------------------------------------------------------------- names


def test_new_content_under_a_name_hides_the_old_one_only_when_it_is_live(catalog: Catalog) -> None:
    old = accept(catalog, "a.pdf", "A")
    finish(catalog, old)
    new = accept(catalog, "a.pdf", "B")
    assert catalog.live(TENANT, [old.id, new.id]) == {old.id: 1}
    assert finish(catalog, new) == (old.id,)
    assert catalog.live(TENANT, [old.id, new.id]) == {new.id: 1}
    with pytest.raises(NotFound):
        catalog.get(TENANT, old.id)
    assert catalog.retired(TENANT) == [Job(TENANT, old.id, 1)]


def test_what_was_accepted_last_wins_even_if_it_finishes_first(catalog: Catalog) -> None:
    first = accept(catalog, "a.pdf", "A")
    second = accept(catalog, "a.pdf", "B")
    assert finish(catalog, second) == (first.id,)
    assert finish(catalog, first) == ()
    assert catalog.live(TENANT, [first.id, second.id]) == {second.id: 1}


def test_two_that_go_live_together_are_ordered_by_their_acceptance(catalog: Catalog) -> None:
    first, second = accept(catalog, "a.pdf", "A"), accept(catalog, "a.pdf", "B")
    both = [Indexed(second.id, 1, 1, 1), Indexed(first.id, 1, 1, 1)]
    with catalog.engine.begin() as connection:
        published = catalog.publish(connection, TENANT, both)
    assert (published.live, published.retired) == (frozenset({second.id}), (first.id,))


def test_a_failed_successor_leaves_its_predecessor_alone(catalog: Catalog) -> None:
    old = accept(catalog, "a.pdf", "A")
    finish(catalog, old)
    catalog.fail(job(accept(catalog, "a.pdf", "B")), "broken")
    assert catalog.live(TENANT, [old.id]) == {old.id: 1}


def test_a_document_stays_while_it_has_another_name(catalog: Catalog) -> None:
    old = accept(catalog, "a.pdf", "A")
    accept(catalog, "copy of a.pdf", "A")
    finish(catalog, old)
    new = accept(catalog, "copy of a.pdf", "B")
    assert finish(catalog, new) == ()
    assert catalog.live(TENANT, [old.id, new.id]) == {old.id: 1, new.id: 1}
    assert catalog.names(TENANT, old.id) == ["a.pdf"]
    assert catalog.get(TENANT, old.id).source == "a.pdf"


def test_giving_a_name_back_to_a_live_content_takes_effect_at_once(catalog: Catalog) -> None:
    old = accept(catalog, "a.pdf", "A")
    accept(catalog, "archive/a.pdf", "A")
    finish(catalog, old)
    new = accept(catalog, "a.pdf", "B")
    finish(catalog, new)
    accepted = catalog.accept(TENANT, "a.pdf", content_hash(b"A"), 1, PUBLIC)
    assert (accepted.is_new, accepted.retired) == (False, (new.id,))
    assert catalog.live(TENANT, [old.id, new.id]) == {old.id: 1}


def test_a_retired_content_that_comes_back_is_a_new_version(catalog: Catalog) -> None:
    old = accept(catalog, "a.pdf", "A")
    finish(catalog, old)
    finish(catalog, accept(catalog, "a.pdf", "B"))
    back = accept(catalog, "a.pdf", "A")
    assert (back.version, back.status, back.live_version) == (2, "queued", None)
    # what was to be removed of the first version must not take the second along
    catalog.forget(Job(TENANT, old.id, 1))
    assert catalog.get(TENANT, old.id) == back


def test_the_same_name_in_two_tenants_is_two_names(catalog: Catalog) -> None:
    ours, theirs = accept(catalog, "a.pdf", "A"), accept(catalog, "a.pdf", "B", tenant="globex")
    finish(catalog, ours)
    assert finish(catalog, theirs) == ()
    assert catalog.live(TENANT, [ours.id, theirs.id]) == {ours.id: 1}
    assert catalog.live("globex", [ours.id, theirs.id]) == {theirs.id: 1}


def test_a_name_has_a_length_and_a_label(catalog: Catalog) -> None:
    accept(catalog, "财" * MAX_SOURCE, "A")
    with pytest.raises(InputError, match="601"):
        accept(catalog, "财" * (MAX_SOURCE + 1), "B")
    with pytest.raises(InputError):
        accept(catalog, "", "B")
    with pytest.raises(InputError, match="no text"):
        accept(catalog, "a\0b", "B")
    with pytest.raises(InputError, match="label"):
        catalog.accept(TENANT, "b.pdf", content_hash(b"B"), 1, [])


# ---------------------------------------------------------------- who sees what


def test_another_tenants_file_and_a_missing_one_are_refused_in_the_same_words(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    for refused in (
        lambda doc_id: catalog.get("globex", doc_id),
        lambda doc_id: catalog.list_pages("globex", doc_id),
        lambda doc_id: catalog.retire("globex", doc_id),
        lambda doc_id: catalog.list_files("globex", after=doc_id),
    ):
        with pytest.raises(NotFound) as theirs:
            refused(file.id)
        with pytest.raises(NotFound) as missing:
            refused("doc-0")
        assert str(theirs.value).replace(file.id, "X") == str(missing.value).replace("doc-0", "X")
    assert catalog.statuses("globex", [file.id]) == {}
    assert catalog.list_files("globex") == []
    assert catalog.get(TENANT, file.id) == file


def test_files_are_listed_newest_first_a_page_at_a_time(sqlite: Catalog) -> None:
    files = [accept(sqlite, f"{number}.pdf", str(number)) for number in range(7)]
    listed: list[str] = []
    while page := sqlite.list_files(TENANT, limit=3, after=listed[-1] if listed else None):
        listed += [file.id for file in page]
    assert sorted(listed) == sorted(file.id for file in files)
    moments = [sqlite.get(TENANT, doc_id).created_at for doc_id in listed]
    assert moments == sorted(moments, reverse=True)


def test_files_are_listed_by_status_and_by_name(sqlite: Catalog) -> None:
    first, second = accept(sqlite, "a.pdf", "A"), accept(sqlite, "b.pdf", "B")
    finish(sqlite, first)
    assert [file.id for file in sqlite.list_files(TENANT, status="ready")] == [first.id]
    assert [file.id for file in sqlite.list_files(TENANT, source="b.pdf")] == [second.id]
    with pytest.raises(InputError, match="known: queued"):
        sqlite.list_files(TENANT, status="done")  # type: ignore[arg-type]


def test_totals_count_files_by_status_and_what_is_live(sqlite: Catalog) -> None:
    first = accept(sqlite, "a.pdf", "A")
    sqlite.describe([described(first, "", "torn")])
    finish(sqlite, first, chunks=7, tokens=700)
    accept(sqlite, "b.pdf", "B")
    totals = sqlite.totals(TENANT)
    assert (totals.files, totals.pages, totals.chunks, totals.tokens) == (
        {"ready": 1, "queued": 1},
        1,
        7,
        700,
    )
    assert sqlite.totals("globex").files == {}


# ---------------------------------------------------------------- removal


def test_a_deleted_file_is_hidden_at_once_and_its_name_is_free(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    finish(catalog, file)
    catalog.retire(TENANT, file.id)
    catalog.retire(TENANT, file.id)
    assert catalog.live(TENANT, [file.id]) == {}
    assert catalog.list_files(TENANT) == []
    assert catalog.retired() == [Job(TENANT, file.id, 1)]
    catalog.forget(Job(TENANT, file.id, 1))
    catalog.forget(Job(TENANT, file.id, 1))
    assert catalog.retired() == []


def test_a_blob_is_let_go_when_the_last_version_that_needs_it_goes(catalog: Catalog) -> None:
    logo, chart = content_hash(b"logo"), content_hash(b"chart")
    first, second = accept(catalog, "a.pdf", "A"), accept(catalog, "b.pdf", "B")
    catalog.refer(job(first), [logo, chart])
    catalog.refer(job(first), [logo, chart])
    catalog.refer(job(second), [logo])
    with catalog.releasing(TENANT, first.id, before_version=1) as keys:
        assert keys == []
    with catalog.releasing(TENANT, first.id, before_version=2) as keys:
        assert keys == sorted([chart, first.content_hash])
    with catalog.releasing_blobs(job(second), [logo]) as keys:
        assert keys == [logo]
    with catalog.releasing(TENANT, second.id, before_version=2) as keys:
        assert keys == [second.content_hash]


def test_a_document_that_is_gone_keeps_no_blobs(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    catalog.retire(TENANT, file.id)
    catalog.forget(job(file))
    late = content_hash(b"late")
    assert not catalog.refer(job(file), [late])
    with catalog.releasing_blobs(job(file), [late]) as keys:
        assert keys == [late]


def test_a_blob_of_one_tenant_is_not_kept_for_another(catalog: Catalog) -> None:
    ours, theirs = accept(catalog, "a.pdf", "A"), accept(catalog, "a.pdf", "A", tenant="globex")
    assert ours.content_hash == theirs.content_hash
    with catalog.releasing(TENANT, ours.id, before_version=2) as keys:
        assert keys == [ours.content_hash]


def test_blobs_stay_referred_to_when_deleting_them_fails(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    with pytest.raises(OSError, match="disk"), catalog.releasing(TENANT, file.id, before_version=2):
        raise OSError("disk")
    with catalog.releasing(TENANT, file.id, before_version=2) as keys:
        assert keys == [file.content_hash]


def test_what_is_in_work_is_found_oldest_first_for_all_tenants(catalog: Catalog) -> None:
    first, second = accept(catalog, "a.pdf", "A"), accept(catalog, "a.pdf", "B", tenant="globex")
    third = accept(catalog, "c.pdf", "C")
    accept(catalog, "d.pdf", "it waits")
    for file in (third, second, first):
        catalog.start(job(file), "reading")
    catalog.fail(job(third), "broken")
    (record,) = catalog.accept_all(TENANT, [Arrival("doc-1", "r", "", 1, PUBLIC)])
    assert [file.id for file in catalog.in_work()] == [first.id, second.id, record.file.id]


def test_a_content_that_comes_again_after_its_deletion_begins_with_a_version_nobody_works_on(
    catalog: Catalog,
) -> None:
    first = accept(catalog, "a.pdf", "A")
    other = accept(catalog, "a.pdf", "A", tenant="globex")
    catalog.start(job(first), "reading")
    catalog.retire(TENANT, first.id)
    catalog.forget(job(first))
    again = accept(catalog, "a.pdf", "A")
    assert (again.id, again.version) == (first.id, 2)
    assert catalog.start(job(first), "indexing") is None
    assert accept(catalog, "b.pdf", "B").version == 2
    assert accept(catalog, "b.pdf", "B", tenant="globex").version == other.version == 1


# ---------------------------------------------------------------- cancel and retry


def test_what_is_cancelled_is_wanted_no_more_and_an_older_version_stays(catalog: Catalog) -> None:
    live = accept(catalog, "a.pdf", "A")
    finish(catalog, live)
    again = catalog.accept(TENANT, "a.pdf", content_hash(b"A"), 1, {"board"}).file
    cancelled = catalog.cancel(TENANT, again.id)
    assert (cancelled.status, cancelled.reason, cancelled.live_version) == (
        "cancelled", "cancelled on request", 1,
    )  # fmt: skip
    assert catalog.current(job(again)) is None
    assert finish(catalog, again) == ()
    assert catalog.live(TENANT, [live.id]) == {live.id: 1}


def test_what_is_finished_is_not_cancelled_and_what_is_not_is_not_retried(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    with pytest.raises(WrongStage, match="is queued, not failed or cancelled"):
        catalog.queue_again(TENANT, file.id, ("failed", "cancelled"))
    catalog.cancel(TENANT, file.id)
    with pytest.raises(WrongStage, match="is cancelled; only what waits or is in work"):
        catalog.cancel(TENANT, file.id)
    again = catalog.queue_again(TENANT, file.id, ("failed", "cancelled"))
    assert (again.status, again.version, again.reason) == ("queued", 2, "")
    finish(catalog, again)
    with pytest.raises(WrongStage, match="is ready"):
        catalog.cancel(TENANT, file.id)
    for act in (catalog.cancel, lambda tenant, doc: catalog.queue_again(tenant, doc, ["ready"])):
        with pytest.raises(NotFound):
            act("globex", file.id)


def test_a_record_without_a_file_is_not_retried(catalog: Catalog) -> None:
    (record,) = catalog.accept_all(TENANT, [Arrival("doc-1", "r", "", 1, PUBLIC)])
    catalog.fail(job(record.file), "broken")
    with pytest.raises(WrongStage, match="has no file that could be read again"):
        catalog.queue_again(TENANT, "doc-1", ["failed"])


def test_what_was_cancelled_is_queued_again_when_it_is_sent_again(catalog: Catalog) -> None:
    file = accept(catalog, "a.pdf", "A")
    catalog.cancel(TENANT, file.id)
    again = accept(catalog, "a.pdf", "A")
    assert (again.status, again.version) == ("queued", 2)


# ---------------------------------------------------------------- many at once


def test_thousands_of_records_are_accepted_and_published_in_one_transaction_each(sqlite: Catalog) -> None:
    arrivals = [Arrival(f"doc-{number}", f"{number}", "", 1, PUBLIC, f"T{number}") for number in range(3000)]
    accepted = sqlite.accept_all(TENANT, arrivals)
    assert [one.file.title for one in accepted] == [arrival.title for arrival in arrivals]
    with sqlite.engine.begin() as connection:
        published = sqlite.publish(connection, TENANT, [Indexed(one.doc_id, 1, 1, 9) for one in arrivals])
    assert len(published.live) == 3000
    assert not any(one.is_new for one in sqlite.accept_all(TENANT, arrivals))
    assert len(sqlite.live(TENANT, [one.doc_id for one in arrivals])) == 3000


def test_a_name_that_is_claimed_again_after_another_claimed_it_goes_to_who_claimed_it_last(
    sqlite: Catalog,
) -> None:
    sqlite.accept_all(TENANT, [Arrival(doc_id, "a", "", 1, PUBLIC) for doc_id in ("one", "other", "one")])
    with sqlite.engine.begin() as connection:
        published = sqlite.publish(connection, TENANT, [Indexed(each, 1, 1, 9) for each in ("one", "other")])
    assert (list(published.live), published.retired) == (["one"], ("other",))


def test_files_accepted_side_by_side_under_one_name_leave_one_winner(database: str) -> None:
    engine = open_engine(database)
    migrate(engine)
    catalog = Catalog(engine)

    def work(number: int) -> None:
        finish(catalog, accept(catalog, "a.pdf", f"content {number}"))

    threads = [Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [document_id(TENANT, content_hash(f"content {number}".encode())) for number in range(8)]
    assert len(catalog.live(TENANT, ids)) == 1
    assert len(catalog.retired()) == 7
    engine.dispose()


# ---------------------------------------------------------------- any order of events


class Names(RuleBasedStateMachine):
    """The catalogue against a model of plain lists: who holds a name after any sequence of events."""

    def __init__(self) -> None:
        super().__init__()
        self.engine: Engine = open_engine("sqlite://")
        metadata.create_all(self.engine)
        self.catalog = Catalog(self.engine)
        self.claims: dict[str, list[str]] = {}  # name -> contents, in the order of their acceptance
        self.files: dict[str, FileStatus] = {}  # content -> as it was last accepted
        self.live: set[str] = set()
        self.failed: set[str] = set()

    @rule(name=st.sampled_from("xy"), content=st.sampled_from("ABC"))
    def accept(self, name: str, content: str) -> None:
        self.files[content] = accept(self.catalog, name, content)
        self.failed.discard(content)
        order = self.claims.setdefault(name, [])
        if content in order:
            order.remove(content)
        order.append(content)
        self.settle()

    @rule(content=st.sampled_from("ABC"))
    def finish(self, content: str) -> None:
        if content in self.files:
            finish(self.catalog, self.files[content])
            if self.named(content) and content not in self.failed:
                self.live.add(content)
            self.settle()

    @rule(content=st.sampled_from("ABC"))
    def fail(self, content: str) -> None:
        if content in self.files and content not in self.live:
            self.catalog.fail(job(self.files[content]), "broken")
            self.failed.add(content)

    @rule(content=st.sampled_from("ABC"))
    def delete(self, content: str) -> None:
        if self.named(content):
            self.catalog.retire(TENANT, self.files[content].id)
            for order in self.claims.values():
                if content in order:
                    order.remove(content)
            self.live.discard(content)

    def settle(self) -> None:
        for order in self.claims.values():
            winner = max((index for index, one in enumerate(order) if one in self.live), default=0)
            del order[:winner]
        self.live = {content for content in self.live if self.named(content)}

    def named(self, content: str) -> bool:
        return any(content in order for order in self.claims.values())

    @invariant()
    def the_catalogue_agrees(self) -> None:
        ids = {file.id: content for content, file in self.files.items()}
        assert {ids[doc_id] for doc_id in self.catalog.live(TENANT, ids)} == self.live
        listed = {ids[file.id] for file in self.catalog.list_files(TENANT)}
        assert listed == {content for content in self.files if self.named(content)}
        for content in listed:
            held = {name for name, order in self.claims.items() if content in order}
            assert set(self.catalog.names(TENANT, self.files[content].id)) == held
            assert self.catalog.get(TENANT, self.files[content].id).source in held

    def teardown(self) -> None:
        self.engine.dispose()


TestNames = Names.TestCase
TestNames.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
