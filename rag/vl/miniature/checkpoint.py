"""The miniature as a model folder: real Qwen3-VL-MoE classes, own byte-level tokenizer, Qwen's template.

Heavy imports stay inside the functions.
"""

import json
from pathlib import Path
from typing import Any

from rag.torch_compat import make_torchvision_importable
from rag.vl.miniature.charts import HEIGHT, WIDTH

PATCH, MERGE = 8, 2
IMAGE_TOKENS = (WIDTH // (PATCH * MERGE)) * (HEIGHT // (PATCH * MERGE))

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)

# The part of Qwen3-VL's chat template that text, images and video need.
CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\n' }}"
    "{%- if message.content is string %}{{- message.content }}"
    "{%- else %}{%- for part in message.content %}"
    "{%- if part.type == 'image' or part.type == 'image_url' or 'image' in part or 'image_url' in part %}"
    "{{- '<|vision_start|><|image_pad|><|vision_end|>' }}"
    "{%- elif part.type == 'video' or 'video' in part %}{{- '<|vision_start|><|video_pad|><|vision_end|>' }}"
    "{%- elif 'text' in part %}{{- part.text }}{%- endif %}"
    "{%- endfor %}{%- endif %}"
    "{{- '<|im_end|>\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}"
)


def make_tokenizer() -> Any:
    """Byte-level, single digits, with whole words for the few that the tasks use."""
    make_torchvision_importable()
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import Qwen2TokenizerFast

    from rag.vl.miniature import charts

    tokenizer = Tokenizer(models.BPE())
    # Qwen's own pre-tokeniser: digits stand alone, words take the space before them.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(
                Regex(
                    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
                ),
                behavior="isolated",
            ),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    words = " ".join(charts._FIRMS + charts._METRICS)
    texts = [
        "user\nassistant\nsystem\nHow many bars? What is the value of Which is highest? lowest? grew fastest? List all values.",
        f"[S1] {words} was. What was {words}?",
    ] * 10
    trainer = trainers.BpeTrainer(
        vocab_size=512, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = Qwen2TokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIAL[0],
        eos_token=SPECIAL[2],
        unk_token=None,
        bos_token=None,
    )
    fast.add_special_tokens({"additional_special_tokens": list(SPECIAL[1:])})
    fast.padding_side = "left"
    fast.chat_template = CHAT_TEMPLATE
    return fast


def make_model(tokenizer: Any) -> Any:
    """The untrained model: 3 text layers, 8 experts of which 2 are active, a 3-layer vision tower."""
    make_torchvision_importable()
    from transformers import Qwen3VLMoeConfig, Qwen3VLMoeForConditionalGeneration

    token = tokenizer.convert_tokens_to_ids
    config = Qwen3VLMoeConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 3,
            "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "moe_intermediate_size": 128,
            "num_experts": 8, "num_experts_per_tok": 2, "router_aux_loss_coef": 0.01,
            "max_position_embeddings": 4096, "tie_word_embeddings": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [6, 5, 5],
                                "mrope_interleaved": True},
            "pad_token_id": token(SPECIAL[0]), "eos_token_id": token("<|im_end|>"),
        },
        vision_config={
            "depth": 3, "hidden_size": 96, "intermediate_size": 192, "num_heads": 4, "patch_size": PATCH,
            "spatial_merge_size": MERGE, "temporal_patch_size": 2, "out_hidden_size": 128,
            "num_position_embeddings": 256, "deepstack_visual_indexes": [0, 1],
        },
        image_token_id=token("<|image_pad|>"), video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"), vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=False,
    )  # fmt: skip
    return Qwen3VLMoeForConditionalGeneration(config)


def make_processor(tokenizer: Any) -> Any:
    """The processor of the real architecture, with the miniature's patch and pixel budget."""
    make_torchvision_importable()
    from transformers import Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

    pixels = WIDTH * HEIGHT
    sizes: dict[str, Any] = {"patch_size": PATCH, "merge_size": MERGE, "temporal_patch_size": 2,
             "size": {"shortest_edge": pixels // 4, "longest_edge": pixels},
             "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}  # fmt: skip
    return Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(**sizes), tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(**sizes), chat_template=CHAT_TEMPLATE,
    )  # fmt: skip


def save(model: Any, processor: Any, folder: Path, card: str, figures: dict[str, float]) -> None:
    """Writes the folder that `AutoProcessor` and `AutoModelForImageTextToText` load."""
    folder.mkdir(parents=True, exist_ok=True)
    model.generation_config.do_sample = False
    model.generation_config.eos_token_id = processor.tokenizer.eos_token_id
    model.generation_config.pad_token_id = processor.tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    (folder / "README.md").write_text(card, "utf-8")
    (folder / "figures.json").write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", "utf-8")
