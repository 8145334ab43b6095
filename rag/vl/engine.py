"""A loaded model and one batch at a time through it: collated, prefixes reused, decoded row by row.

An engine belongs to one thread (`rag/vl/batching.py`): the model keeps the position of its last prompt
on itself (`rope_deltas`), so two generations at once would answer wrongly. transformers and torch
are imported here and in the modules it calls, inside functions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import InputError
from rag.torch_compat import make_torchvision_importable
from rag.vl.caches import Lru
from rag.vl.experts import ExpertWatch
from rag.vl.folder import ModelFolder, check_folder
from rag.vl.inputs import Inputs, Prefix, Preparer
from rag.vl.output import Event, Finished, Row, Sampling, ThoughtFilter
from rag.vl.packed import Experts
from rag.vl.precision import Dtype, load_model, quantize_experts
from rag.vl.prefixes import CachedPrefix
from rag.vl.schema import schema_processors
from rag.vl.vision import VisionCache


@dataclass(frozen=True, slots=True)
class Options:
    """`experts`: precision of the expert weights. Caches in bytes; 0 turns one off."""

    dtype: Dtype = "auto"
    device: str = "auto"
    experts: Experts = "as_is"
    vision_cache: int = 256 << 20
    prefix_cache: int = 1 << 30
    watch_experts: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A prepared request; `question_kind` and `notes` ride along to its report."""

    inputs: Inputs
    row: Row
    notes: tuple[str, ...] = ()
    question_kind: str = ""


class Engine:
    """Open with `open_engine`."""

    def __init__(self, folder: ModelFolder, processor: Any, model: Any, options: Options) -> None:
        self.folder = folder
        self.model = model
        self.processor = processor
        self.preparer = Preparer(processor, folder.context)
        self.watch = ExpertWatch(model, folder.experts) if options.watch_experts else None
        self._vision_room = options.vision_cache
        self._prefix_room = options.prefix_cache
        self.forget_images()
        self.forget_prefixes()
        ends = model.generation_config.eos_token_id
        self._end_ids = frozenset(ends if isinstance(ends, list) else [ends])

    def forget_images(self) -> None:
        """Empties the vision-feature cache."""
        self._vision = VisionCache(self.model, self._vision_room)

    def forget_prefixes(self) -> None:
        """Empties the prefix cache."""
        self._prefixes: Lru[tuple[Any, ...], CachedPrefix] = Lru(self._prefix_room)

    @property
    def pixel_budget(self) -> int:
        """Pixels of one image that the processor would keep."""
        return int(self.processor.image_processor.size["longest_edge"])

    def row(self, inputs: Inputs, sampling: Sampling, deliver: Callable[[Event], None]) -> Row:
        return Row(
            sampling, deliver, _decoder(self.processor.tokenizer), self._end_ids,
            ThoughtFilter(inside=inputs.thinking),
        )  # fmt: skip

    def run(self, jobs: Sequence[Job]) -> None:
        """Answers a batch: greedy jobs without marked prefix or video together, any other alone."""
        import torch

        jobs = [job for job in jobs if not job.row.done()] or list(jobs)
        with torch.inference_mode():
            if self.watch:
                self.watch.begin()
            known = self._known(jobs)
            reused = known or self._computed_now(jobs)
            arguments = self._collated([job.inputs for job in jobs], without_images=reused is not None)
            if reused is not None:
                arguments["cache"] = reused.fork()
                self._language_state().rope_deltas = reused.rope_deltas
            self._generate(jobs, arguments)
        self._report(jobs, reused, passes=1 if reused is known else 2)

    def can_batch(self, job: Job) -> bool:
        prefix = job.inputs.prefix
        return not ((prefix and prefix.asked) or job.inputs.whole or job.row.sampling.alone)

    # ------------------------------------------------------------ inputs

    def _collated(self, batch: Sequence[Inputs], *, without_images: bool) -> dict[str, Any]:
        """Left-padded ids, mask and kinds, shape (batch, longest), and what the images need."""
        import torch

        longest = max(len(inputs.ids) for inputs in batch)
        pad = self.processor.tokenizer.pad_token_id
        gaps = [longest - len(inputs.ids) for inputs in batch]
        ids = [[pad] * gap + list(inputs.ids) for gap, inputs in zip(gaps, batch)]
        mask = [[0] * gap + [1] * len(inputs.ids) for gap, inputs in zip(gaps, batch)]
        kinds = [[0] * gap + list(inputs.kinds) for gap, inputs in zip(gaps, batch)]
        device = self.model.device
        arguments = {
            "input_ids": torch.tensor(ids, device=device),
            "attention_mask": torch.tensor(mask, device=device),
            "mm_token_type_ids": torch.tensor(kinds, device=device),
        }
        if without_images:
            return arguments
        whole = {name: tensor.to(device) for name, tensor in batch[0].whole.items()}
        return {**arguments, **self._vision.inputs(batch), **whole}

    # ------------------------------------------------------------ prefixes

    def _known(self, jobs: Sequence[Job]) -> CachedPrefix | None:
        prefix = jobs[0].inputs.prefix
        return self._prefixes.get(prefix.key) if len(jobs) == 1 and prefix else None

    def _computed_now(self, jobs: Sequence[Job]) -> CachedPrefix | None:
        """A prefix that is new, computed for this prompt and the next."""
        prefix = jobs[0].inputs.prefix
        if len(jobs) > 1 or prefix is None or not self._prefix_room:
            return None
        computed = self._computed(jobs[0].inputs, prefix)
        self._prefixes.put(prefix.key, computed, computed.nbytes)
        return computed

    def _computed(self, inputs: Inputs, prefix: Prefix) -> CachedPrefix:
        from transformers import DynamicCache

        part = Inputs(inputs.ids[: prefix.length], inputs.kinds[: prefix.length], inputs.keys, inputs.patches)
        arguments = self._collated([part], without_images=False)
        del arguments["attention_mask"]
        state = self._language_state()
        state.rope_deltas = None
        cache = DynamicCache(config=self.model.config)
        self.model(**arguments, cache=cache, use_cache=True, logits_to_keep=1)
        return CachedPrefix(cache, state.rope_deltas)

    def _language_state(self) -> Any:
        """The module that remembers the positions of the last prompt."""
        return self.model.model

    # ------------------------------------------------------------ generation

    def _generate(self, jobs: Sequence[Job], arguments: dict[str, Any]) -> None:
        import torch
        from transformers import LogitsProcessorList

        rows = [job.row for job in jobs]
        sampling = rows[0].sampling
        chosen: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if sampling.alone:
            chosen = {
                "do_sample": True, "temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0,
            }  # fmt: skip
        processors = schema_processors(rows, self.processor.tokenizer)
        with torch.random.fork_rng(enabled=sampling.alone):
            if sampling.alone and sampling.seed is not None:
                torch.manual_seed(sampling.seed)
            self.model.generate(
                **arguments, **chosen,
                max_new_tokens=max(row.sampling.max_tokens for row in rows),
                streamer=_Spread(rows),
                stopping_criteria=_all_done(rows),
                logits_processor=LogitsProcessorList(processors),
            )  # fmt: skip

    def _report(self, jobs: Sequence[Job], reused: CachedPrefix | None, passes: int) -> None:
        routings: Sequence[Any] = [None] * len(jobs)
        if self.watch:
            lengths = [len(job.row.token_ids) for job in jobs]
            routings = self.watch.end([job.inputs.kinds for job in jobs], lengths, passes=passes)
            for job, routing in zip(jobs, routings):
                self.watch.sums.add(routing, job.question_kind)
        for job, routing in zip(jobs, routings):
            job.row.close()
            shared = job.inputs.prefix.length if reused and job.inputs.prefix else 0
            job.row.deliver(
                Finished(
                    job.row.finish or "length",
                    tuple(job.row.token_ids),
                    len(job.inputs.ids),
                    shared,
                    job.notes,
                    routing,
                )
            )


def open_engine(path: Path, options: Options) -> Engine:
    """Loads a model folder. Raises InputError for one that is no sparse vision-language model or lacks a file."""
    folder = check_folder(path)
    make_torchvision_importable()
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(path)
    processor.tokenizer.padding_side = "left"  # loading sets it to the right whatever was saved
    model = load_model(folder, options.dtype, options.device)
    if not hasattr(model.model, "rope_deltas"):
        raise InputError(f"{folder.config.model_type} is no model whose positions Sightline knows to restore")
    quantize_experts(model, options.experts)
    return Engine(folder, processor, model, options)


def _decoder(tokenizer: Any) -> Callable[[int], str]:
    """Text of each token as soon as its bytes are whole."""
    from tokenizers.decoders import DecodeStream

    stream = DecodeStream(skip_special_tokens=True)
    return lambda token_id: stream.step(tokenizer.backend_tokenizer, token_id) or ""


class _Spread:
    """transformers' streamer protocol: hands each new token to its row."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    def put(self, value: Any) -> None:
        if value.dim() > 1:
            return  # the prompt
        for row, token_id in zip(self._rows, value.tolist()):
            row.take(token_id)

    def end(self) -> None:
        """Rows end for themselves."""


def _all_done(rows: Sequence[Row]) -> Any:
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    class RowsDone(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            return torch.tensor([row.done() for row in rows], device=input_ids.device)

    return StoppingCriteriaList([RowsDone()])
