"""Where the parts are put together: the only place that knows which implementation is used.

Each part is opened when it is first asked for, so that a command that needs a table does not load a
model. Opening order is closing order reversed.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from sqlalchemy import Engine

from api.links import Links, open_secret
from core import state
from core.database import migrate, open_engine
from core.errors import SettingsError
from core.glossary import Glossary, load_glossary
from core.ports import Reranker, VectorStore
from core.settings import Settings
from ingest.crashpoints import Reached, dies_at
from ingest.jobs import Jobs
from ingest.pipeline import Pipeline
from ingest.reconcile import Reconciler
from ingest.render import render_page
from ingest.sandbox import Limits
from kg.store import GraphStore
from rag.answer import Assistant
from rag.bridged import GraphSearch
from rag.calculated import CalculatedAnswerer
from rag.check import checker
from rag.conflicts import Conflicts, in_turn
from rag.extractive import ExtractiveAnswerer
from rag.index.attempts import AttemptLog
from rag.index.catalog import Catalog
from rag.index.embed import TextEmbedder, open_embedder
from rag.index.facts import FactStore
from rag.index.image import ImageEmbedder, open_image_embedder
from rag.index.keys import KeyStore
from rag.index.media import MediaStore
from rag.index.sparse import LexicalEncoder
from rag.index.store import Space, open_store
from rag.index.turns import Room, Turns
from rag.inside import InsideSearch
from rag.metrics.answer import MetricsAnswerer
from rag.policy import POLICIES
from rag.recorded import LOOK_UPS, OVER_MANY, WHICH_PERIOD, RecordedAnswerer
from rag.rerank import open_reranker
from rag.restated import Restatements
from rag.retrieve import Retriever
from rag.route import Router
from rag.row import LastWord
from rag.spoken import ModelName, SpokenAnswerer
from rag.tabled import TabledAnswerer
from rag.verify import unsupported
from rag.vl.engine import Options
from rag.vl.experts import ExpertSums
from rag.vl.inprocess import LocalModel, open_local
from rag.vl.profile import Profile, known_models, profile
from rag.vl.served import ServedModel, open_served
from rag.yes_no import YesNoAnswerer

if TYPE_CHECKING:
    from api.meter import Meter

T = TypeVar("T")


class part(Generic[T]):  # noqa: N801 it is used as a decorator
    """A part that is opened once, by whoever asks first; others wait for it."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.make = make
        self.name = make.__name__
        self.__doc__ = make.__doc__

    @overload
    def __get__(self, whole: None, kind: type) -> "part[T]": ...
    @overload
    def __get__(self, whole: Any, kind: type) -> T: ...
    def __get__(self, whole: Any, kind: type) -> "part[T] | T":
        if whole is None:
            return self
        with whole.opening:
            if self.name not in vars(whole):
                vars(whole)[self.name] = self.make(whole)
        found: T = vars(whole)[self.name]
        return found


class Sightline:
    """One open state directory. `url`: where this process answers over HTTP; "" where it does not.

    A part that is given by name is used as it is; its giver closes it.
    """

    def __init__(self, settings: Settings, *, url: str = "", **given: Any) -> None:
        self.settings = settings
        self.url = url
        self.opening = RLock()
        self._closing = ExitStack()
        for name, opened in given.items():
            if not isinstance(getattr(type(self), name, None), part):
                raise TypeError(f"{name!r} is no part of Sightline")
            vars(self)[name] = opened

    def open(self, *names: str) -> None:
        """Opens these parts now, so that nobody waits for them later."""
        for name in names:
            getattr(self, name)

    def close(self) -> None:
        self._closing.close()

    # ------------------------------------------------------------ what is kept

    @part
    def engine(self) -> Engine:
        engine = open_engine(self.settings.database)
        self._closing.callback(engine.dispose)
        migrate(engine)
        return engine

    @part
    def catalog(self) -> Catalog:
        return Catalog(self.engine)

    @part
    def media(self) -> MediaStore:
        return MediaStore(self.settings.state / "media")

    @part
    def turns(self) -> Turns:
        return Turns(self.engine)

    @part
    def attempts(self) -> AttemptLog:
        return AttemptLog(self.engine)

    @part
    def facts(self) -> FactStore:
        return FactStore(self.engine)

    @part
    def graph(self) -> GraphStore:
        return GraphStore(self.engine)

    @part
    def keys(self) -> KeyStore:
        return KeyStore(self.engine)

    @part
    def glossary(self) -> Glossary:
        return load_glossary()

    @part
    def store(self) -> VectorStore:
        settings = self.settings
        spaces = {"text": Space(self.embedder.name, self.embedder.size)}
        if self.image_embedder:
            spaces["image"] = Space(self.image_embedder.name, self.image_embedder.size)
        store = open_store(
            folder=settings.state / "vectors",
            url=settings.qdrant_url,
            api_key=settings.qdrant_api_key.get_secret_value(),
            spaces=spaces,
            words=self.sparse.name,
        )
        self._closing.callback(store.close)
        return store

    # ------------------------------------------------------------ what reads and finds

    @part
    def embedder(self) -> TextEmbedder:
        settings = self.settings
        languages = {name.strip() for name in settings.embedder_languages.split(",")} - {""}
        return open_embedder(settings.embedder, languages=frozenset(languages), threads=settings.threads)

    @part
    def image_embedder(self) -> ImageEmbedder | None:
        """None: images are found by their words and their neighbours."""
        settings = self.settings
        if not settings.image_embedder:
            return None
        return open_image_embedder(settings.image_embedder, self.media, threads=settings.threads)

    @part
    def sparse(self) -> LexicalEncoder:
        return LexicalEncoder()

    @part
    def retriever(self) -> Retriever:
        return Retriever(
            self.embedder,
            self.sparse,
            self.store,
            self.catalog,
            GraphSearch(self.graph, self.store),
            inside=self.inside,
            reranker=self.reranker,
        )

    @part
    def reranker(self) -> Reranker | None:
        """None: the fused scores decide."""
        settings = self.settings
        if not settings.reranker:
            return None
        key = settings.reranker_api_key.get_secret_value()
        return open_reranker(
            settings.reranker, model=settings.reranker_model, api_key=key, threads=settings.threads
        )

    @part
    def router(self) -> Router:
        return Router(self.keys, self.glossary)

    @part
    def inside(self) -> InsideSearch:
        return InsideSearch(self.router, self.embedder, self.sparse, self.store)

    @part
    def metrics(self) -> MetricsAnswerer:
        return MetricsAnswerer(self.router, self.store, self.glossary)

    @part
    def conflicts(self) -> Conflicts:
        return Conflicts(self.facts, self.store, self.keys.get, self.catalog.statuses)

    @part
    def restatements(self) -> Restatements:
        return Restatements(self.conflicts)

    @part
    def assistant(self) -> Assistant:
        sentences = ExtractiveAnswerer(self.embedder)
        return Assistant(
            self.retriever,
            self.store,
            [
                LastWord(self.metrics),
                RecordedAnswerer(self.facts, self.store, WHICH_PERIOD),
                CalculatedAnswerer(),
                TabledAnswerer(),
                RecordedAnswerer(self.facts, self.store, OVER_MANY),
                YesNoAnswerer(sentences.likely),
                sentences,
                RecordedAnswerer(self.facts, self.store, LOOK_UPS),
            ],
            check=in_turn(self.conflicts, checker(self.settings.for_unsupported)),
            model=self.model,
            policy=POLICIES[self.settings.model_policy],
            evidence_tokens=self.settings.evidence_tokens,
            longest_question=self.settings.max_question_chars,
        )

    @part
    def model(self) -> SpokenAnswerer | None:
        """None: no model is asked."""
        settings = self.settings
        asked = self.local_model or self.served_model
        if asked is None:
            return None
        figures = self.model_figures
        from api.pictures import pictures_of

        return SpokenAnswerer(
            asked,
            ModelName(
                settings.model,
                figures.parameters.active if figures else 0,
                figures.flops_per_token if figures else 0,
                settings.model_watts,
            ),
            secret=open_secret(settings.state),
            unsupported=unsupported,
            pictures=partial(pictures_of, self, most=settings.model_images),
        )

    @part
    def served_model(self) -> ServedModel | None:
        """A model behind the servers that are named. Raises SettingsError for telemetry of a model whose config,
        and so the number of its experts, is not at hand.
        """
        settings = self.settings
        urls = [url.strip() for url in settings.model_urls.split(",") if url.strip()]
        if not urls:
            return None
        figures = self.model_figures if settings.model_telemetry else None
        if settings.model_telemetry and figures is None:
            raise SettingsError(
                f"SIGHTLINE_MODEL_TELEMETRY: how many experts {settings.model!r} has is not known; known: "
                + ", ".join(known_models())
            )
        return open_served(
            urls,
            model=settings.model,
            api_key=settings.model_api_key.get_secret_value(),
            timeout=settings.model_timeout,
            max_tokens=settings.model_max_tokens,
            experts=figures.expert_count if figures else 0,
        )

    @property
    def expert_sums(self) -> ExpertSums | None:
        """What the model's experts worked on; None where they are not watched, or it was not asked yet."""
        asked = self.local_model or self.served_model
        return asked.expert_sums if asked else None

    @part
    def model_figures(self) -> Profile | None:
        """Of the model that is asked, from its config; None where there is none, or its config is not at hand."""
        local, settings = self.local_model, self.settings
        if local:
            return profile(str(local.folder))
        known = bool(settings.model_urls) and settings.model in known_models()
        return profile(settings.model) if known else None

    @part
    def local_model(self) -> LocalModel | None:
        """A model in this process, where one is named and no server has it."""
        settings = self.settings
        if settings.model_urls or settings.model == Settings.model_fields["model"].default:
            return None
        options = Options(experts=settings.model_experts, watch_experts=settings.model_telemetry)
        local = open_local(settings.model, options, max_tokens=settings.model_max_tokens)
        self._closing.callback(local.close)
        return local

    # ------------------------------------------------------------ what writes

    @part
    def limits(self) -> Limits:
        settings = self.settings
        return Limits(
            memory_mb=settings.read_memory_mb,
            cpu_seconds=settings.read_cpu_seconds,
            wall_seconds=settings.read_wall_seconds,
            max_pixels=settings.max_pixels,
            archive_entries=settings.archive_entries,
            archive_mb=settings.archive_mb,
            archive_ratio=settings.archive_ratio,
            archive_depth=settings.archive_depth,
            file_mb=settings.read_file_mb,
            processes=settings.read_processes,
        )

    @part
    def pipeline(self) -> Pipeline:
        return Pipeline(
            catalog=self.catalog,
            media=self.media,
            store=self.store,
            embedder=self.embedder,
            sparse=self.sparse,
            image_embedder=self.image_embedder,
            graph=self.graph,
            keys=self.keys,
            facts=self.facts,
            glossary=self.glossary,
            limits=self.limits,
            scratch=self.settings.state / "scratch",
            max_bytes=self.settings.max_upload_bytes,
            room=self.room,
            reached=self.reached,
        )

    @part
    def room(self) -> Room:
        return Room(self.settings.max_queued, self.settings.max_queued_total)

    @part
    def reached(self) -> Reached:
        return dies_at(self.settings.crashpoint)

    @part
    def jobs(self) -> Jobs:
        """Running: opening them begins with what was left unfinished."""
        jobs = Jobs(
            self.pipeline, url=self.settings.database, state=self.settings.state, reached=self.reached
        )
        jobs.start()
        self._closing.callback(jobs.stop)
        return jobs

    @part
    def reconciler(self) -> Reconciler:
        return Reconciler(
            engine=self.engine,
            pipeline=self.pipeline,
            store=self.store,
            graph=self.graph,
            facts=self.facts,
            keys=self.keys,
            media=self.media,
        )

    # ------------------------------------------------------------ what people see

    @part
    def meter(self) -> "Meter":
        """What this process serves, counted from its start."""
        from api.meter import Meter

        return Meter()

    @part
    def links(self) -> Links:
        return Links(open_secret(self.settings.state), self.settings.public_url or self.url)

    @part
    def draw_page(self) -> Callable[..., bytes]:
        return partial(render_page, limits=self.limits)


@contextmanager
def open_sightline(
    settings: Settings, *, url: str = "", create: bool = True, own: bool = True, **given: Any
) -> Iterator[Sightline]:
    """The parts over `settings.state`, for as long as the block lasts.

    `create`: make the state directory where there is none, else SettingsError. `own`: alone, else
    StateInUse; without it only the catalogue may be read. `given`: parts, as `Sightline` takes them.
    A state whose database and vectors are both on servers is shared by as many processes as like.
    """
    folder: Path = settings.state
    shared = bool(settings.database_url and settings.qdrant_url)
    if create or shared:
        state.create(folder)
    else:
        state.require(folder)
    with state.own(folder, url or None) if own and not shared else nullcontext():
        sightline = Sightline(settings, url=url, **given)
        try:
            yield sightline
        finally:
            sightline.close()
