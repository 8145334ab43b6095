"""The tables of the graph: what is true.

    kg_tenants    one row for each tenant; locked first by every write, its generation says what is new
    kg_documents  the live version of a document, and who may read it
    kg_passages   a chunk of a document: its id, text, and the words of its heading
    kg_sentences  where its sentences stand in that text, and their words
    kg_mentions   SE: an entity in a sentence, and at which characters
    kg_links      SE as well: mentions found later, when another document brought the name
    kg_subjects   PT: an entity that a passage is about, and how we know
    kg_entities   names, with the number of passages that mention them and that are about them
    kg_merges     two entities that a person declared the same

PE (passage x entity) is the projection of SE; it is made when the arrays are loaded, because a
second copy could contradict the first. A passage is (document, passage number), so tenant, doc_id,
version and chunk id of every row are one join away. Ids of entities are made from tenant, name,
kind and context: no look-up is needed to write them, and no name means the same in two tenants.

The graph that is walked is made of these rows by `store.py`; nothing else reads them.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from core.database import metadata

tenants = Table(
    "kg_tenants",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("documents", Integer, nullable=False),
)

documents = Table(
    "kg_documents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("doc_id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("access", Text, nullable=False),  # labels, as a JSON list
    UniqueConstraint("tenant", "doc_id"),
    Index(None, "tenant", "generation"),
    sqlite_autoincrement=True,  # an id that was deleted must not come back as another document
)

passages = Table(
    "kg_passages",
    metadata,
    Column("document", Integer, ForeignKey("kg_documents.id", ondelete="CASCADE"), primary_key=True),
    Column("passage", Integer, primary_key=True, autoincrement=False),  # the chunk's ordinal
    Column("chunk_id", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("words", LargeBinary, nullable=False),  # of the heading: uint32, little endian
    sqlite_with_rowid=False,
)

_OF_PASSAGE = (["document", "passage"], ["kg_passages.document", "kg_passages.passage"])

sentences = Table(
    "kg_sentences",
    metadata,
    Column("document", Integer, primary_key=True, autoincrement=False),
    Column("passage", Integer, primary_key=True, autoincrement=False),
    Column("sentence", Integer, primary_key=True, autoincrement=False),
    Column("start", Integer, nullable=False),
    Column("stop", Integer, nullable=False),
    Column("words", LargeBinary, nullable=False),  # uint32, little endian, in order, without stop words
    ForeignKeyConstraint(*_OF_PASSAGE, name="fk_kg_sentences_passage", ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

mentions = Table(
    "kg_mentions",
    metadata,
    Column("document", Integer, primary_key=True, autoincrement=False),
    Column("passage", Integer, primary_key=True, autoincrement=False),
    Column("sentence", Integer, primary_key=True, autoincrement=False),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("entity", BigInteger, primary_key=True, autoincrement=False),
    Column("stop", Integer, nullable=False),
    ForeignKeyConstraint(*_OF_PASSAGE, name="fk_kg_mentions_passage", ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

subjects = Table(
    "kg_subjects",
    metadata,
    Column("document", Integer, primary_key=True, autoincrement=False),
    Column("passage", Integer, primary_key=True, autoincrement=False),
    Column("entity", BigInteger, primary_key=True, autoincrement=False),
    Column("role", String, nullable=False),  # title, section, caption, lead, defined, term
    Column("whole", Boolean, nullable=False),  # the whole key, not a part of it
    ForeignKeyConstraint(*_OF_PASSAGE, name="fk_kg_subjects_passage", ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

links = Table(
    "kg_links",
    metadata,
    Column("document", Integer, primary_key=True, autoincrement=False),
    Column("passage", Integer, primary_key=True, autoincrement=False),
    Column("sentence", Integer, primary_key=True, autoincrement=False),
    Column("start", Integer, primary_key=True, autoincrement=False),
    Column("entity", BigInteger, primary_key=True, autoincrement=False),
    Column("stop", Integer, nullable=False),
    Column("tenant", String, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Index(None, "tenant", "generation"),
    ForeignKeyConstraint(*_OF_PASSAGE, name="fk_kg_links_passage", ondelete="CASCADE"),
    sqlite_with_rowid=False,
)

_HAS_CONTEXT = text("context <> ''")

entities = Table(
    "kg_entities",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("tenant", String, nullable=False),
    Column("name", String, nullable=False),  # core.text.normalize_name
    Column("kind", String, nullable=False),
    Column("context", String, nullable=False),  # what tells homonyms apart; "" where nothing has to
    Column("surface", String, nullable=False),  # as it was first printed
    Column("passages", Integer, nullable=False),  # document frequency: passages that mention it
    Column("subjects", Integer, nullable=False),  # passages that are about it
    # Of all names it would cost as much as the rows; those without a context are found by their id.
    Index(
        "ix_kg_entities_context", "tenant", "name", sqlite_where=_HAS_CONTEXT, postgresql_where=_HAS_CONTEXT
    ),
)

merges = Table(
    "kg_merges",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("entity", BigInteger, primary_key=True, autoincrement=False),
    Column("into", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
)
