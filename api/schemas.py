"""What goes over the wire, as the OpenAI SDKs read it, and our own additions beside it.

Requests take the fields that we honour and let the rest of OpenAI's pass, except those that would
change what comes back: they are refused by name (`api/chat.py`). Boxes are [x0, y0, x1, y1] in page
points, origin top left; pages count from 1.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MODEL = "sightline"

Purpose = Literal["assistants", "user_data", "vision"]
OpenAIStatus = Literal["uploaded", "processed", "error"]
Gap = Literal["subject_not_found", "period_missing", "cause_missing", "evidence_too_weak", "sources_conflict"]
FileStage = Literal["queued", "reading", "indexing", "ready", "failed", "cancelled"]


class Failure(BaseModel):
    message: str
    type: str
    param: str | None
    code: str | None


class ErrorBody(BaseModel):
    """The one shape of every failure."""

    error: Failure


# ---------------------------------------------------------------- models


class Model(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "sightline"


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


# ---------------------------------------------------------------- files


class Attempt(BaseModel):
    """What ended an attempt before the document was done; one that succeeds leaves none."""

    version: int
    stage: str
    ended_at: int
    reason: str


class File(BaseModel):
    """`status` is OpenAI's word, `stage` ours; `source` is the name that a new content replaces.

    A file is searchable when it is processed; one that failed keeps its reason in `status_details`.
    """

    id: str
    object: Literal["file"] = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: Purpose = "user_data"
    status: OpenAIStatus
    status_details: str | None = None
    stage: FileStage
    source: str
    title: str
    media_type: str
    pages_total: int
    pages_done: int
    pages_failed: int
    chunks: int
    searchable: bool = Field(description="true while a version of it is found, an older one too")
    attempts: list[Attempt] = Field(default=[], description="what went wrong on the way; not in lists")

    @property
    def finished(self) -> bool:
        return self.stage in ("ready", "failed", "cancelled")


class Ingestion(BaseModel):
    """`waiting` documents have not been begun yet."""

    object: Literal["ingestion"] = "ingestion"
    paused: bool
    paused_since: int | None
    waiting: int


class Compaction(BaseModel):
    """The size of database and vectors in this state directory, in bytes."""

    object: Literal["compaction"] = "compaction"
    bytes_before: int
    bytes_after: int


class FileList(BaseModel):
    object: Literal["list"] = "list"
    data: list[File]
    first_id: str | None
    last_id: str | None
    has_more: bool


class Receipt(BaseModel):
    """How much a deletion removed; what was removed earlier, or goes with a job in work, is not counted."""

    points: int = Field(description="vectors")
    passages: int = Field(description="of the graph")
    entities: int = Field(description="that nothing mentions any more")
    blobs: int = Field(description="files that nothing refers to any more, the document among them")
    jobs: int = Field(description="records of its ingestion")


class Deleted(BaseModel):
    id: str
    object: Literal["file"] = "file"
    deleted: Literal[True] = True
    removed: Receipt


class Finding(BaseModel):
    """`expected` is the ledger's number. What belongs to no document is "removed"; in how many passages names
    stand is "corrected"; a document that does not add up is "queued" again, or "failed" where its content is
    not kept: then it has to be sent again.
    """

    file_id: str = Field(
        description="empty for names, and for a file that belongs to no document; `source` is its key then"
    )
    source: str
    what: Literal[
        "pages", "blocks", "vectors", "passages", "sentences", "mentions", "subjects", "entities", "facts", "keys",
        "media",
    ]  # fmt: skip
    expected: int
    found: int
    done: Literal["queued", "corrected", "removed", "failed"]


class Recount(BaseModel):
    """What lies in the state, counted, and what was wrong with it."""

    object: Literal["recount"] = "recount"
    documents: int
    pages: int
    blocks: int
    vectors: int
    passages: int
    sentences: int
    mentions: int = Field(description="of names in sentences")
    subjects: int = Field(description="names that passages are about")
    entities: int
    facts: int
    keys: int = Field(description="rows about what documents are and how they are called")
    media: int
    findings: list[Finding]
    queued: list[File]


# ---------------------------------------------------------------- where it stands


class PagePlace(BaseModel):
    """`page` and `box` on paged documents, `anchor` ("line 12") elsewhere, `second` in video."""

    page: int | None = None
    box: tuple[float, float, float, float] | None = None
    second: float | None = None
    anchor: str = ""


class DocumentName(BaseModel):
    id: str
    title: str
    filename: str


class SearchRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query: Annotated[str, Field(min_length=1)]
    limit: Annotated[int | None, Field(ge=1, le=100)] = None
    as_of: Annotated[date | None, Field(description="only what was known on this day")] = None


class PathStep(BaseModel):
    """How the graph went on: characters [start, end) of `sentence` name `entity`, which leads to the
    next passage. The first step of a path may stand in the question: then it has no passage.
    """

    passage: str | None
    document: DocumentName | None
    sentence: str
    start: int
    end: int
    entity: str
    places: list[PagePlace]
    url: str


class RestatedFigure(BaseModel):
    """A figure of this passage, and what another document states for the same thing.

    `preferred`: the later of the two documents, "this" or "other"; "neither" where none is later.
    """

    attribute: str
    period: str
    value: str
    document: DocumentName
    other_value: str
    url: str
    preferred: Literal["this", "other", "neither"]


class SearchHit(BaseModel):
    """`score` is the fused one, from 0 to 1; `legs` the raw scores, which do not compare. `path`: the
    steps by which the graph came to this passage; empty where the words alone did. `restated`: its figures
    for the period that was asked for, which other documents state otherwise; the later one comes first.
    """

    id: str
    document: DocumentName
    section: list[str]
    kind: str
    text: str
    score: float
    legs: dict[str, float]
    places: list[PagePlace]
    url: str
    path: list[PathStep]
    restated: list[RestatedFigure] = []


class SearchResult(BaseModel):
    object: Literal["search.result"] = "search.result"
    query: str
    data: list[SearchHit]


class FactItem(BaseModel):
    """A typed value. `value` is exact, a decimal in text form, in units of 10 ** `scale`; `text` is what is
    printed. `method`: "table", "text", or how a reader typed it. `confidence` from 0 to 1.
    """

    document: DocumentName
    subject: str
    attribute: str
    period: str
    value: str
    scale: int
    unit: str
    currency: str
    text: str
    method: str
    confidence: float
    passage: str
    place: PagePlace


class FactList(BaseModel):
    object: Literal["list"] = "list"
    data: list[FactItem]


# ---------------------------------------------------------------- the graph


class GraphQuote(BaseModel):
    """A sentence that says it, where it stands, and the link to it."""

    passage: str
    document: DocumentName
    sentence: str
    places: list[PagePlace]
    url: str


class RelatedDocument(BaseModel):
    """`score` is relative to the nearest, from 0 to 1; `names`: the rarest things that both name."""

    document: DocumentName
    score: float
    names: list[str]


class RelatedDocuments(BaseModel):
    object: Literal["graph.related"] = "graph.related"
    document: DocumentName
    data: list[RelatedDocument]


class GraphNeighbour(BaseModel):
    """A name that stands in `passages` passages together with the one asked for. `context` tells it
    from its namesakes.
    """

    name: str
    kind: str
    context: str
    passages: int
    quotes: list[GraphQuote]


class GraphNeighbours(BaseModel):
    object: Literal["graph.neighbours"] = "graph.neighbours"
    name: str
    data: list[GraphNeighbour]


class GraphHop(BaseModel):
    """`name` and `other` stand in one passage: one quote where one sentence has both, else two."""

    name: str
    other: str
    quotes: list[GraphQuote]


class GraphPath(BaseModel):
    """From the first name to the second; `data` is empty where no path is known."""

    object: Literal["graph.path"] = "graph.path"
    name: str
    other: str
    data: list[GraphHop]


class GraphCommunity(BaseModel):
    """What hangs together: its size in nodes, its documents, and the names with most passages."""

    size: int
    documents: list[DocumentName]
    names: list[str]


class GraphCommunities(BaseModel):
    object: Literal["graph.communities"] = "graph.communities"
    data: list[GraphCommunity]


# ---------------------------------------------------------------- chat


class TextPart(BaseModel):
    type: Literal["text"]
    text: str


class OtherPart(BaseModel):
    """A part that is no text: named in the refusal."""

    type: Literal["image_url", "input_audio", "file"]


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Annotated[TextPart | OtherPart, Field(discriminator="type")]] | None = None


class StreamOptions(BaseModel):
    include_usage: bool = False


class ResponseFormat(BaseModel):
    type: str


class ChatRequest(BaseModel):
    model: str
    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    response_format: ResponseFormat | None = None
    tool_choice: str | dict[str, Any] | None = None
    as_of: Annotated[date | None, Field(description="our own: only what was known on this day")] = None


class UrlCitation(BaseModel):
    """Characters [start_index, end_index) of the content are the link itself."""

    start_index: int
    end_index: int
    title: str
    url: str


class CitationAnnotation(BaseModel):
    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class Source(BaseModel):
    """What a link in the content stands for. `spans`: the characters of the content that it proves."""

    id: str = Field(description="the number in the text: [1] is '1'")
    document: DocumentName
    page: int | None
    places: list[PagePlace]
    quote: str
    score: float
    url: str
    spans: list[tuple[int, int]]


class CostReport(BaseModel):
    """`flops` and `joules` are estimates, 0 where not known; `seconds` are those of each stage."""

    path: str
    model: str
    active_parameters: int
    tokens_in: int
    tokens_out: int
    images: int
    flops: int = 0
    joules: float = 0.0
    seconds: dict[str, float]


class Claim(BaseModel):
    """Characters [start, end) of the content and what bears them out: a whole statement, or in it a number, date or
    quotation. `derivation` is the calculation that gives a derived number.
    """

    start: int
    end: int
    status: Literal["quoted", "derived", "supported", "unsupported"]
    derivation: str = ""


class Verdict(BaseModel):
    """How the question was answered: `not_found` and `partial` come with the reason, in words and in `gaps`.

    `confidence`: how likely the documents answer the question, and with this, 0 to 1.
    """

    status: Literal["answered", "partial", "not_found", "refused"]
    reason: str
    gaps: list[Gap] = []
    confidence: float
    cost: CostReport
    claims: list[Claim] = []


class Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AssistantMessage(BaseModel):
    role: Literal["assistant"] = "assistant"
    content: str
    refusal: str | None = None
    annotations: list[CitationAnnotation]


class Choice(BaseModel):
    index: Literal[0] = 0
    message: AssistantMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class Completion(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL
    choices: list[Choice]
    usage: Usage
    sources: list[Source]
    sightline: Verdict


# ---------------------------------------------------------------- the service itself


class TimesReport(BaseModel):
    """Wall seconds; percentiles over the latest thousand."""

    count: int
    p50_seconds: float
    p99_seconds: float


class SpecFormat(BaseModel):
    media_type: str
    name: str
    suffixes: list[str]


class SpecEncoder(BaseModel):
    """`name` ends with the number format in which this processor computes it."""

    name: str
    size: int
    max_tokens: int
    languages: list[str]


class SpecModel(BaseModel):
    """The sparse model that is asked where nothing cheaper proves its answer.

    `where`: "here" (in this process) or "served". `precision`: of its expert weights. `profile`: the figures of
    `sightline model profile`; null where its config is not at hand.
    """

    name: str
    where: Literal["here", "served"]
    precision: str
    policy: str
    profile: dict[str, Any] | None


class SpecMeasured(BaseModel):
    """Since the process started: how fast answers came, by the path that gave them. null: not measured here.

    `answers_per_second`: answers over the seconds spent on them, one after the other.
    """

    since: int
    answers: int
    answers_per_second: float | None
    paths: dict[str, TimesReport]
    searches: TimesReport | None
    model_tokens_per_second: float | None


class SpecExperts(BaseModel):
    """One layer's load over all that was asked so far: entropy in bits, largest load over the mean, experts unused."""

    layer: int
    entropy: float
    skew: float
    idle: int


class SpecEfficiency(BaseModel):
    """Shares from 0 to 1; FLOPs and joules per answer are means over all answers, those without a model too.

    null: not measured here.
    """

    active_share: float | None
    flops_per_token: int | None
    dense_flops_per_token: int | None
    answered_without_model: float | None
    flops_per_answer: float | None
    joules_per_answer: float | None
    experts: list[SpecExperts] | None


class Spec(BaseModel):
    """The running service, described by itself."""

    object: Literal["spec"] = "spec"
    name: str = MODEL
    version: str
    inputs: dict[str, dict[str, Any]]
    outputs: dict[str, dict[str, Any]]
    formats: list[SpecFormat]
    encoder: SpecEncoder
    model: SpecModel | None
    hardware: dict[str, str | int | float]
    versions: dict[str, str]
    measured: SpecMeasured
    efficiency: SpecEfficiency
