"""What this process has served since it started: how often, how fast, at what cost.

Counts only, of all tenants together; never a word of a question or of a document. Two readers: `/metrics`
(Prometheus text) and `/spec` (`Served`). Knows no request and no part of Sightline.
"""

import time
from collections import Counter as Tally
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core.measure import Gauge, percentile
from core.types import Cost

_KEPT = 1000  # of the latest times, from which percentiles are taken
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Times:
    """Wall seconds; the percentiles over the latest thousand."""

    count: int
    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Served:
    """`times` by the path that answered, and of searches; `statuses` of answers. `seconds`: spent on answers in
    all. `tokens_per_second`: what the model wrote, over its wall seconds; 0 where it was not asked.
    """

    since: float
    times: Mapping[str, Times]
    statuses: Mapping[str, int]
    with_model: int
    tokens_in: int
    tokens_out: int
    images: int
    flops: int
    joules: float
    tokens_per_second: float
    seconds: float

    @property
    def answers(self) -> int:
        return sum(self.statuses.values())


class Meter:
    """Any thread may call it. `now`: seconds since 1970."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._since = now()
        self._lock = Lock()
        self._counts: Tally[str] = Tally()
        self._latest: dict[str, deque[float]] = {}
        self._statuses: Tally[str] = Tally()
        self._sums: Tally[str] = Tally()
        self._model_seconds = self._seconds = self._joules = 0.0
        kept = self._registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=kept)
        self._requests = Histogram(
            "sightline_request_seconds", "Requests by route.", ["method", "route", "status"], registry=kept, buckets=_SECONDS
        )  # fmt: skip
        self._answers = Histogram(
            "sightline_answer_seconds", "Answers by the path that gave them.", ["path", "status"], registry=kept, buckets=_SECONDS
        )  # fmt: skip
        self._searches = Histogram("sightline_search_seconds", "Searches.", registry=kept, buckets=_SECONDS)
        self._tokens = Counter("sightline_model_tokens", "Tokens of the model.", ["direction"], registry=kept)
        self._images = Counter("sightline_model_images", "Images that the model saw.", registry=kept)
        self._flops = Counter("sightline_model_flops", "FLOPs of the model, estimated.", registry=kept)
        self._energy = Counter("sightline_model_joules", "Joules of the model, estimated.", registry=kept)

    def requested(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).observe(seconds)

    def searched(self, seconds: float) -> None:
        self._searches.observe(seconds)
        with self._lock:
            self._time(SEARCH, seconds)

    def answered(self, cost: Cost, status: str) -> None:
        seconds = sum(cost.seconds.values())
        self._answers.labels(cost.path, status).observe(seconds)
        self._tokens.labels("in").inc(cost.tokens_in)
        self._tokens.labels("out").inc(cost.tokens_out)
        self._images.inc(cost.images)
        self._flops.inc(cost.flops)
        self._energy.inc(cost.joules)
        with self._lock:
            self._time(cost.path, seconds)
            self._statuses[status] += 1
            self._sums.update(
                with_model=bool(cost.model), tokens_in=cost.tokens_in, tokens_out=cost.tokens_out,
                images=cost.images, flops=cost.flops,
            )  # fmt: skip
            self._joules += cost.joules
            self._seconds += seconds
            self._model_seconds += cost.seconds.get("model", 0.0)

    def served(self) -> Served:
        with self._lock:
            return Served(
                since=self._since,
                times={
                    name: Times(self._counts[name], percentile(latest, 0.5), percentile(latest, 0.99))
                    for name, latest in sorted(self._latest.items())
                },
                statuses=dict(self._statuses),
                with_model=self._sums["with_model"],
                tokens_in=self._sums["tokens_in"],
                tokens_out=self._sums["tokens_out"],
                images=self._sums["images"],
                flops=self._sums["flops"],
                joules=self._joules,
                seconds=self._seconds,
                tokens_per_second=(
                    self._sums["tokens_out"] / self._model_seconds if self._model_seconds else 0.0
                ),
            )

    def exposition(self, gauges: Iterable[Gauge]) -> bytes:
        """Everything in Prometheus' text format 0.0.4, with `gauges` as they are now."""
        passing = CollectorRegistry(auto_describe=False)
        passing.register(_Passing(list(gauges)))
        return generate_latest(self._registry) + generate_latest(passing)

    def _time(self, name: str, seconds: float) -> None:
        self._counts[name] += 1
        self._latest.setdefault(name, deque(maxlen=_KEPT)).append(seconds)


class _Passing(Collector):
    def __init__(self, gauges: list[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families: dict[str, GaugeMetricFamily] = {}
        for gauge in self._gauges:
            family = families.get(gauge.name)
            if family is None:
                family = families[gauge.name] = GaugeMetricFamily(
                    gauge.name, "As it is now.", labels=[*gauge.labels]
                )
            family.add_metric([*gauge.labels.values()], gauge.value)
        yield from families.values()
