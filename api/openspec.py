"""SPEC -> REPORT against four ideas: parameter efficiency, dynamic computation, fit to hardware, sustainable growth.

Each figure says where it is from: the running service (`/spec`), the model's config, the results of benches that were
run (`python -m bench NAME --json`), or a small task done now. What none of them has is "not measured here".
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from api.schemas import Spec, SpecModel, TimesReport
from core.errors import InputError, SettingsError

NOT_MEASURED = "not measured here"
Metrics = Mapping[str, Mapping[str, float]]  # bench -> name -> value


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` is "not measured here" where `origin` is empty."""

    what: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Idea:
    name: str
    figures: tuple[Figure, ...]


def report(
    spec: Spec, profile: Mapping[str, Any] | None, results: Metrics, grown: Callable[[], Any]
) -> list[Idea]:
    """`profile`: of the model that is asked, or would be (`sightline model profile`). `grown`: shows growth on a
    small task (`rag.vl.growth`); may raise ImportError, where torch is not installed.
    """
    return [
        Idea("parameter efficiency", _parameters(profile)),
        Idea("dynamic computation", _computation(spec, results)),
        Idea("fit to hardware", _hardware(spec, results)),
        Idea("sustainable growth", _growth(results, grown)),
    ]


def to_json(ideas: Sequence[Idea]) -> dict[str, Any]:
    return {"ideas": [asdict(idea) for idea in ideas]}


def read_results(paths: Sequence[Path]) -> dict[str, dict[str, float]]:
    """The metrics of each bench, from files whose last line is its JSON object. Raises InputError for others."""
    found: dict[str, dict[str, float]] = {}
    for path in paths:
        try:
            lines = path.read_text("utf-8").strip().splitlines()
            told = json.loads(lines[-1] if lines else "")
            found.setdefault(str(told["bench"]), {}).update(told["metrics"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{str(path)!r} is no result of a bench (the output of `python -m bench NAME --json`): {error}"
            ) from error
    return found


# ---------------------------------------------------------------- the four ideas


def _parameters(profile: Mapping[str, Any] | None) -> tuple[Figure, ...]:
    where = f"config of {profile['model']}" if profile else ""
    return (
        _figure("parameters that one token passes through", where, lambda: _active(profile)),
        _figure("FLOPs of one token against an equal dense model", where, lambda: _against_dense(profile)),
        _figure("weights", where, lambda: _weights(profile)),
    )


def _computation(spec: Spec, results: Metrics) -> tuple[Figure, ...]:
    answers, efficiency = spec.measured.answers, spec.efficiency
    served = f"{answers} answers of this process" if answers else ""
    return (
        _figure("answers that needed no model", served, lambda: f"{efficiency.answered_without_model:.0%}"),
        _figure("time by path, median", served, lambda: _by_path(spec.measured.paths)),
        _figure("FLOPs of the model per answer", served, lambda: f"{efficiency.flops_per_answer:.3g}"),
        _figure(
            "load of the experts, entropy by layer",
            "this process" if efficiency.experts else "",
            lambda: ", ".join(f"{one.entropy:.2f} bits" for one in efficiency.experts or ()),
        ),
        *_benched(results, "vl", {
            "expert_distance": "experts by task: distance of two tasks over that of one task's halves",
            "prefix_reuse": "a known prompt's start: times less CPU",
            "vision_cache": "a known image: times less CPU",
        }),
        *_benched(results, "policy", {
            "unproved_right": "right answers, the model asked only where nothing cheaper proves one",
            "unproved_gflop_per_question": "the same, GFLOP of the model per question",
            "always_gflop_per_question": "GFLOP per question, the model asked always",
        }),
    )  # fmt: skip


def _hardware(spec: Spec, results: Metrics) -> tuple[Figure, ...]:
    measured, model = spec.measured, spec.model
    joules = spec.efficiency.joules_per_answer
    machine = f"{spec.hardware['processor']}, {spec.hardware['cores']} cores"
    return (
        _figure("number format of the encoder", machine, lambda: spec.encoder.name.rpartition("/")[2]),
        _figure("expert weights of the model", _where(model), lambda: model.precision if model else ""),
        _figure(
            "a search, median and 99th percentile",
            "this process" if measured.searches else "",
            lambda: _milliseconds(measured.searches),
        ),
        _figure(
            "answers per second, one after the other",
            "this process" if measured.answers_per_second else "",
            lambda: f"{measured.answers_per_second:.1f}",
        ),
        _figure(
            "tokens that the model writes per second",
            "this process" if measured.model_tokens_per_second else "",
            lambda: f"{measured.model_tokens_per_second:.1f}",
        ),
        _figure("joules per answer, estimated", "this process" if joules else "", lambda: f"{joules:.3g}"),
        *_benched(results, "moe", {
            "int8_over_bf16": "int8 experts, time of one token against bf16",
            "int4_over_bf16": "int4 experts, time of one token against bf16",
            "naive_over_ours": "the naive loop over our sparse layer",
            "ours_over_transformers": "our sparse layer over transformers' best",
        }),
        *_benched(results, "vl", {"microbatch": "requests together: times more per CPU second"}),
        *_benched(results, "ingest", {"pages_per_core_second": "pages indexed per core-second"}),
    )  # fmt: skip


def _growth(results: Metrics, grown: Callable[[], Any]) -> tuple[Figure, ...]:
    try:
        found = grown()
    except ImportError:
        found = None
    now = "a small task, done now" if found else ""
    return (
        _figure("experts added, new task's error before and after", now, lambda: f"{found.second_error_before:.3g} -> {found.second_error:.3g}"),
        _figure("largest change of an old answer", now, lambda: f"{found.forgotten:g}"),
        _figure("share of the experts that trained", now, lambda: f"{found.trained_share:.0%}"),
        *_benched(results, "scale", {"one_document_visible_ms": "until a new document is seen in the graph, ms"}),
    )  # fmt: skip


# ---------------------------------------------------------------- figures in words


def _figure(what: str, origin: str, value: Callable[[], str]) -> Figure:
    return Figure(what, value(), origin) if origin else Figure(what, NOT_MEASURED, "")


def _benched(results: Metrics, bench: str, named: Mapping[str, str]) -> list[Figure]:
    metrics = results.get(bench, {})
    return [
        _figure(what, f"bench {bench}" if name in metrics else "", lambda name=name: f"{metrics[name]:.3g}")  # type: ignore[misc]
        for name, what in named.items()
    ]


def _active(profile: Any) -> str:
    held = profile["parameters"]
    share = held["active"] / held["total"]
    return f"{held['active'] / 1e9:.3g} B of {held['total'] / 1e9:.3g} B ({share:.1%})"


def _against_dense(profile: Any) -> str:
    return f"{profile['flops_per_token'] / 1e9:.3g} G of {profile['dense_flops_per_token'] / 1e9:.3g} G"


def _weights(profile: Any) -> str:
    return ", ".join(f"{name} {size / 1e9:.3g} GB" for name, size in profile["weights_bytes"].items())


def _by_path(paths: Mapping[str, TimesReport]) -> str:
    return ", ".join(
        f"{name} {times.p50_seconds * 1e3:.0f} ms ({times.count})" for name, times in paths.items()
    )


def _milliseconds(times: TimesReport | None) -> str:
    return f"{times.p50_seconds * 1e3:.0f} and {times.p99_seconds * 1e3:.0f} ms" if times else ""


def _where(model: SpecModel | None) -> str:
    return {"here": "settings", "served": "the server"}[model.where] if model else ""


def grow() -> Any:
    """Raises ImportError without torch."""
    from rag.vl.growth import grow_and_learn

    return grow_and_learn()


def profile_of(spec: Spec, name: str) -> dict[str, Any] | None:
    """Of the model that the service asks; of `name` where it asks none; None without transformers.

    Raises InputError for a name that is not known.
    """
    if spec.model:
        return spec.model.profile
    from rag.vl.profile import profile

    try:
        return profile(name).to_json()
    except SettingsError:
        return None
