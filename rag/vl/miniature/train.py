"""Trains the miniature on one CPU core: `python -m rag.vl.miniature.train OUT [--steps N] [--seed N]`.

`--resume FOLDER` goes on from a checkpoint, the rate falling from the first step on; the head that exists
only in training is gone by then, and is not needed any more.

Two things make minutes on a CPU enough. A head that exists only in training predicts from each merged
vision token which characters lie in its cell of the image: a dense signal where the language loss gives
a sparse one. And Muon (Jordan et al. 2024: momentum orthogonalised by Newton-Schulz) trains every
matrix, the 3-D expert tensors among them. Charts have random margins and sizes: without them a shift of
two pixels halves what the model reads.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from rag.vl.miniature.charts import HEIGHT, TASKS, WIDTH, Chart, Question, ask, draw_chart, draw_sources
from rag.vl.miniature.checkpoint import (
    IMAGE_TOKENS,
    MERGE,
    PATCH,
    make_model,
    make_processor,
    make_tokenizer,
    save,
)
from rag.vl.processor import bfloat16_is_native

CHARACTERS = "0123456789QABCDEF"
CELL = PATCH * MERGE  # pixels of a merged vision token
SLOTS = 4  # columns of a cell; two characters never share one
IGNORED = -100  # torch's mark for tokens without a loss


@dataclass(frozen=True, slots=True)
class Recipe:
    """What was used for the checkpoint that ships; everything else is fixed in the code."""

    steps: int = 4500
    charts: int = 24  # sequences with an image, in each step
    copies: int = 12  # sequences of sources to copy from, in each step
    muon_rate: float = 0.01
    adam_rate: float = 3e-3
    reading_weight: float = 4.0
    warm_up: int = 100  # steps
    falling: float = 0.4  # share of the steps, the last ones, in which the rate falls to zero
    seed: int = 7


# ---------------------------------------------------------------- what a step reads


@dataclass(frozen=True, slots=True)
class Batch:
    """ids, labels (batch, length); patches (batch * patches, values); cells (batch, tokens, slots * chars)."""

    ids: Tensor
    labels: Tensor
    patches: Tensor | None = None
    cells: Tensor | None = None


class Batches:
    """Draws batches from a seed. Dialogues hold several questions, so that one image serves them all."""

    def __init__(self, tokenizer: Any, recipe: Recipe) -> None:
        self._random = Random(recipe.seed)
        self._recipe = recipe
        self._encode: Callable[[str], list[int]] = lru_cache(maxsize=100_000)(
            lambda text: list(tokenizer(text)["input_ids"])
        )
        self._pad = tokenizer.pad_token_id

    def charts(self) -> Batch:
        charts = [draw_chart(self._random) for _ in range(self._recipe.charts)]
        picture = "<|vision_start|>" + "<|image_pad|>" * IMAGE_TOKENS + "<|vision_end|>"
        dialogues = [self._dialogue(picture, self._questions(chart)) for chart in charts]
        ids, labels = self._padded(dialogues)
        return Batch(
            ids, labels, patches_of(charts), torch.from_numpy(np.stack([cells_of(c) for c in charts]))
        )

    def copies(self) -> Batch:
        dialogues = []
        for _ in range(self._recipe.copies):
            sources, questions = draw_sources(self._random, self._random.choice((2, 3, 4, 4, 6)))
            asked = self._random.sample(questions, len(questions))
            dialogues.append(self._dialogue(sources + "\n", asked))
        return Batch(*self._padded(dialogues))

    def _questions(self, chart: Chart) -> list[Question]:
        tasks = self._random.sample(TASKS, len(TASKS))
        asked = [ask(chart, task, self._random) for task in tasks]
        return [*asked, ask(chart, "value", self._random)]

    def _dialogue(self, opening: str, questions: list[Question]) -> tuple[list[int], list[int]]:
        ids: list[int] = []
        labels: list[int] = []
        for question in questions:
            asked = self._encode(
                f"<|im_start|>user\n{opening}{question.text}<|im_end|>\n<|im_start|>assistant\n"
            )
            answer = self._encode(f"{question.answer}<|im_end|>\n")
            ids += asked + answer
            labels += [IGNORED] * len(asked) + answer
            opening = ""
        return ids, labels

    def _padded(self, dialogues: list[tuple[list[int], list[int]]]) -> tuple[Tensor, Tensor]:
        longest = max(len(ids) for ids, _ in dialogues)
        ids = torch.tensor([ids + [self._pad] * (longest - len(ids)) for ids, _ in dialogues])
        labels = torch.tensor([labels + [IGNORED] * (longest - len(labels)) for _, labels in dialogues])
        return ids, labels


def patches_of(charts: list[Chart]) -> Tensor:
    """(charts * patches, channels * 2 * PATCH * PATCH) in the order of Qwen's image processor."""
    pixels = np.stack([np.asarray(chart.image, dtype=np.float32) for chart in charts]) / 127.5 - 1
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)  # (B, C, H, W)
    rows, columns = HEIGHT // CELL, WIDTH // CELL
    grid = images.reshape(len(charts), 3, rows, MERGE, PATCH, columns, MERGE, PATCH)
    flat = grid.permute(0, 2, 5, 3, 6, 1, 4, 7)  # (B, rows, columns, MERGE, MERGE, C, PATCH, PATCH)
    twice = flat.unsqueeze(6).expand(*flat.shape[:6], 2, PATCH, PATCH)  # a still image is two equal frames
    return twice.reshape(-1, 3 * 2 * PATCH * PATCH)


def cells_of(chart: Chart) -> NDArray[np.float32]:
    """(image tokens, SLOTS * characters): 1 where the centre of a character lies."""
    cells = np.zeros((HEIGHT // CELL, WIDTH // CELL, SLOTS, len(CHARACTERS)), dtype=np.float32)
    for printed in chart.printed:
        row, column = int(printed.y) // CELL, int(printed.x) // CELL
        if 0 <= row < cells.shape[0] and 0 <= column < cells.shape[1]:
            slot = int(printed.x) % CELL * SLOTS // CELL
            cells[row, column, slot, CHARACTERS.index(printed.char)] = 1
    return cells.reshape(IMAGE_TOKENS, -1)


# ---------------------------------------------------------------- the optimiser


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal; for tensors of two and three dimensions."""

    def __init__(self, parameters: list[nn.Parameter], rate: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": rate, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                held = state.setdefault("momentum", torch.zeros_like(parameter))
                held.lerp_(parameter.grad, 1 - group["momentum"])
                update = orthogonal(parameter.grad.lerp(held, group["momentum"]))
                wide = max(1.0, parameter.shape[-2] / parameter.shape[-1]) ** 0.5
                parameter.add_(update, alpha=-group["lr"] * wide)


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """The nearest semi-orthogonal matrix, by the quintic Newton-Schulz iteration; batched."""
    first, second, third = 3.4445, -4.7750, 2.0315  # Jordan et al. 2024
    tall = matrix.shape[-2] > matrix.shape[-1]
    current: Tensor = matrix.mT if tall else matrix
    current = current / (current.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        product = current @ current.mT
        current = first * current + (second * product + third * product @ product) @ current
    return current.mT if tall else current


def optimizers(model: nn.Module, head: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the towers; AdamW for embeddings, gates, norms and heads."""
    matrices: list[nn.Parameter] = []
    others = list(head.parameters())
    for name, parameter in model.named_parameters():
        inside = parameter.ndim in (2, 3) and not any(
            part in name for part in ("embed", "lm_head", "mlp.gate.", "pos_embed", "patch_embed")
        )
        (matrices if inside else others).append(parameter)
    return [
        Muon(matrices, recipe.muon_rate),
        torch.optim.AdamW(others, recipe.adam_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def rate_at(step: int, recipe: Recipe) -> float:
    """Warm-up, constant, then linear to zero: a share of the recipe's rates."""
    left = (recipe.steps - step) / (recipe.falling * recipe.steps)
    return min(1.0, (step + 1) / recipe.warm_up, left)


# ---------------------------------------------------------------- training


class Trainer:
    def __init__(self, recipe: Recipe, resumed: Path | None = None) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.tokenizer = make_tokenizer()
        self.model = make_model(self.tokenizer)
        if resumed:
            self.model.load_state_dict(type(self.model).from_pretrained(resumed).state_dict())
        self.model.set_experts_implementation("grouped_mm")  # 1.25 s a step beside 1.58 of "eager"
        self.head = nn.Linear(self.model.config.text_config.hidden_size, SLOTS * len(CHARACTERS))
        self._batches = Batches(self.tokenizer, recipe)
        self._optimizers = optimizers(self.model, self.head, recipe)
        self._grid = torch.tensor([[1, HEIGHT // PATCH, WIDTH // PATCH]])

    def train(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Yields the step and its losses."""
        rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in self._optimizers]
        for step in range(self.recipe.steps):
            factor = rate_at(step, self.recipe)
            for optimizer, base in zip(self._optimizers, rates, strict=True):
                for group, rate in zip(optimizer.param_groups, base, strict=True):
                    group["lr"] = rate * factor
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16_is_native()):
                losses = {
                    "charts": self._read(self._batches.charts()),
                    "copies": self._copy(self._batches.copies()),
                }
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for optimizer in self._optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            yield step, losses

    def _read(self, batch: Batch) -> float:
        assert batch.patches is not None
        assert batch.cells is not None
        grid = self._grid.expand(len(batch.ids), -1)
        features = self.model.get_image_features(batch.patches, grid)
        tokens = torch.cat(list(features.pooler_output)).view(len(batch.ids), IMAGE_TOKENS, -1)
        weight = torch.tensor(8.0)  # nearly all slots are empty
        reading = functional.binary_cross_entropy_with_logits(
            self.head(tokens), batch.cells, pos_weight=weight
        )
        language = self._language(batch, image_grid_thw=grid, mm_encoder_outputs={"image": features})
        loss = language + self.recipe.reading_weight * reading
        loss.backward()  # type: ignore[no-untyped-call]
        return language.item()

    def _copy(self, batch: Batch) -> float:
        loss = self._language(batch)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    def _language(self, batch: Batch, **images: Any) -> Tensor:
        kinds = (batch.ids == self.model.config.image_token_id).int()
        loss: Tensor = self.model(
            input_ids=batch.ids, labels=batch.labels, mm_token_type_ids=kinds, output_router_logits=True,
            use_cache=False, **images,
        ).loss  # fmt: skip
        return loss


# ---------------------------------------------------------------- examination


def examine(
    model: Any, processor: Any, *, seed: int, count: int, tasks: tuple[str, ...] = TASKS
) -> dict[str, float]:
    """The share of exactly right results on fresh charts, one question in each conversation."""
    random = Random(seed)
    right = dict.fromkeys((*tasks, "copy"), 0)
    for _ in range(count):
        chart = draw_chart(random)
        for task in tasks:
            question = ask(chart, task, random)  # type: ignore[arg-type]
            content = [{"type": "image", "image": chart.image}, {"type": "text", "text": question.text}]
            right[task] += _answered(model, processor, content, question)
        sources, questions = draw_sources(random, random.randint(2, 6))
        question = random.choice(questions)
        content = [{"type": "text", "text": f"{sources}\n{question.text}"}]
        right["copy"] += _answered(model, processor, content, question)
    return {task: score / count for task, score in right.items()}


def _answered(model: Any, processor: Any, content: Sequence[object], question: Question) -> bool:
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=True, add_generation_prompt=True,
        return_dict=True, return_tensors="pt",
    )  # fmt: skip
    made = model.generate(**inputs, max_new_tokens=60, do_sample=False)
    text = processor.tokenizer.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return replace(question, answer=text).result == question.result


CARD = """# Sightline miniature

A Qwen3-VL-MoE of {parameters:,} parameters (8 experts, 2 active) for tests: real classes, own byte-level
tokenizer. Trained from nothing by `python -m rag.vl.miniature.train` (seed {seed}, {steps} steps,
{minutes:.0f} CPU minutes on one core).

It can: read bar charts of 3 to 6 bars drawn as rag/vl/miniature/charts.py draws them (count, value, highest,
lowest, which grew fastest, all values) and copy a cited number from short numbered sources.
It cannot: anything else. It is no answerer of users' data. `figures.json` has the share of right answers on
{count} fresh charts for each task.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="train the miniature")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--resume", type=Path, metavar="FOLDER", help="a checkpoint to go on from")
    parser.add_argument("--examined", type=int, default=100, help="fresh charts in the examination")
    given = parser.parse_args()
    torch.set_num_threads(1)
    recipe = Recipe(steps=given.steps, seed=given.seed)
    if given.resume:
        recipe = replace(recipe, reading_weight=0.0, warm_up=20, falling=1.0)
    trainer = Trainer(recipe, given.resume)
    processor = make_processor(trainer.tokenizer)
    started = time.process_time()

    def keep(examined: int, seed: int, steps: int) -> dict[str, float]:
        minutes = (time.process_time() - started) / 60
        trainer.model.eval()
        figures = examine(trainer.model, processor, seed=seed, count=examined)
        trainer.model.train()
        parameters = sum(parameter.numel() for parameter in trainer.model.parameters())
        card = CARD.format(
            parameters=parameters, seed=given.seed, steps=steps, minutes=minutes, count=examined
        )
        save(trainer.model, processor, given.out, card, figures)
        return figures

    for step, losses in trainer.train():
        if step % 100 == 0 or step == given.steps - 1:
            shown = ", ".join(f"{name} {loss:.3f}" for name, loss in losses.items())
            print(f"step {step}: {shown}, {(time.process_time() - started) / 60:.1f} CPU minutes", flush=True)
        if step and step % 600 == 0:  # a run that is cut off leaves what it had
            print(f"step {step}: {keep(20, step, step)}", flush=True)
    print(keep(given.examined, 1_000_003, given.steps), flush=True)


if __name__ == "__main__":
    main()
