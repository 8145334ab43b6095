"""All settings, read once from the environment (prefix SIGHTLINE_) or given to the constructor.

The process that starts reads them (`Settings.from_env()`); everything else is handed the values
that it needs, never the environment. An unknown SIGHTLINE_ name is an error that lists the
known ones, so that a misspelt setting cannot be silently ignored.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from core.errors import SettingsError

PREFIX = "SIGHTLINE_"


def postgres_for_tests() -> str:
    """The URL of the server on which tests and benches make databases of their own, or ""."""
    return os.environ.get(f"{PREFIX}TEST_POSTGRES", "")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
    )

    # where things live
    state: Path = Field(default=Path(".sightline"), description="state directory of the embedded default")
    database_url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in the state directory")
    qdrant_url: str = Field(
        default="", description="Qdrant server; empty: Qdrant Edge in the state directory"
    )
    qdrant_api_key: SecretStr = Field(default=SecretStr(""), description="key of the Qdrant server")

    # who is asked
    embedder: str = Field(default="minilm", description="'minilm', or a sentence-transformers name or folder")
    embedder_languages: str = Field(default="en", description="languages of that encoder, comma separated")
    reranker: str = Field(
        default="", description="a cross-encoder's name or folder, or the URL of a /rerank route; empty: none"
    )
    reranker_model: str = Field(default="", description="the model's name at that URL")
    reranker_api_key: SecretStr = Field(default=SecretStr(""), description="key of that URL")
    image_embedder: str = Field(default="", description="open_clip 'model:weights file'; empty: none")
    model_urls: str = Field(
        default="", description="OpenAI-compatible model servers, comma separated; empty: no model"
    )
    model: str = Field(
        default="sightline-vl",
        description="the model's name at those servers; without them: the folder or cached id of a local one",
    )
    model_api_key: SecretStr = Field(default=SecretStr(""), description="key of the model servers")
    model_policy: Literal["unproved", "reasoning", "always"] = Field(
        default="unproved", description="when the model is asked: unproved, reasoning or always"
    )
    model_experts: Literal["as_is", "bf16", "int8", "int4"] = Field(
        default="as_is", description="expert weights of a local model on a CPU: as_is, bf16, int8 or int4"
    )
    model_telemetry: bool = Field(
        default=False, description="watch which experts of the model work; shown by /metrics and /spec"
    )
    model_images: int = Field(default=2, ge=0, description="page images that the model sees with the text")
    model_max_tokens: int = Field(default=1024, ge=16, description="longest answer of the model, in tokens")
    model_timeout: float = Field(default=60.0, gt=0, description="seconds that the model may be silent")
    model_watts: float = Field(
        default=0, ge=0, description="watts drawn while the model answers, for joules; 0: not estimated"
    )
    threads: int = Field(default=0, ge=0, description="threads for embedding; 0: all cores")

    # serving
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=8000, ge=0, le=65535, description="port to listen on; 0: any free one")
    api_key: SecretStr = Field(default=SecretStr(""), description="bearer key; required off loopback")
    public_url: str = Field(
        default="", description="base of the links in answers; empty: the listening address"
    )
    max_upload_mb: int = Field(default=200, ge=1, description="largest file, in MB")
    max_question_chars: int = Field(default=8000, ge=1, description="longest question, in characters")
    max_concurrent: int = Field(default=16, ge=1, description="questions answered at once before 429")

    # limits of the child process that reads a file
    read_memory_mb: int = Field(default=1500, ge=64, description="address space of a reading process, in MB")
    read_cpu_seconds: int = Field(default=600, ge=1, description="CPU seconds for one file")
    read_wall_seconds: int = Field(default=900, ge=1, description="wall seconds for one file")
    read_file_mb: int = Field(default=256, ge=1, description="largest file that reading writes, in MB")
    read_processes: int = Field(default=64, ge=1, description="processes and threads that reading starts")
    max_pixels: int = Field(default=40_000_000, ge=1_000_000, description="largest image that is decoded")
    archive_entries: int = Field(default=10_000, ge=1, description="members of an archive")
    archive_mb: int = Field(default=1000, ge=1, description="what an archive may unpack to, in MB")
    archive_ratio: int = Field(default=200, ge=2, description="unpacked size by packed size of an archive")
    archive_depth: int = Field(default=3, ge=0, description="how deep archives and e-mails are nested")

    # what waits
    max_queued: int = Field(default=10_000, ge=1, description="documents of one tenant that wait before 429")
    max_queued_total: int = Field(default=100_000, ge=1, description="the same for all tenants together")

    # for tests
    crashpoint: str = Field(default="", description="for tests: where ingestion ends its process")

    # answers
    unsupported: Literal["", "mark", "withhold"] = Field(
        default="", description="figures that nothing bears out: mark or withhold; empty: by the profile"
    )
    profile: Literal["general", "medical", "financial"] = Field(
        default="general", description="medical and financial withhold figures that nothing bears out"
    )

    # retrieval
    search_limit: int = Field(default=10, ge=1, le=100, description="passages that a search returns")
    graph_backend: str = Field(
        default="", description="NetworkX backend for communities (nx-parallel: 'parallel'); empty: its own"
    )
    evidence_tokens: int = Field(default=3000, ge=200, description="tokens of evidence for one answer")

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.state / 'sightline.db'}"

    @property
    def for_unsupported(self) -> Literal["mark", "withhold"]:
        """What happens to figures that nothing bears out."""
        return self.unsupported or ("mark" if self.profile == "general" else "withhold")

    @property
    def max_upload_bytes(self) -> int:
        return self.max_upload_mb * 1_000_000

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `Settings(...)` takes what it is given and nothing else: tests are not at the mercy of
        # the environment. Only `from_env` reads it.
        return (init_settings,)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **given: Any) -> "Settings":
        """Reads SIGHTLINE_* once; `given` (command-line options) wins.

        Raises SettingsError for an unknown name or a value that does not fit.
        """
        environ = os.environ if environ is None else environ
        named = {
            key[len(PREFIX) :].lower(): value
            for key, value in environ.items()
            if key.startswith(PREFIX) and value != ""
        }
        unknown = sorted(set(named) - set(cls.model_fields))
        if unknown:
            known = ", ".join(PREFIX + name.upper() for name in cls.model_fields)
            raise SettingsError(f"unknown setting {PREFIX}{unknown[0].upper()}; known: {known}")
        try:
            return cls(**{**named, **given})
        except ValidationError as error:
            first = error.errors()[0]
            name = PREFIX + str(first["loc"][0]).upper()
            raise SettingsError(f"{name}={first['input']!r}: {first['msg']}") from error
