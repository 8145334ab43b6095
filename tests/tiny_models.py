"""Small models of the true architectures, with random weights, made where a test asks for them."""

import json
from pathlib import Path
from typing import Any

from rag.torch_compat import make_torchvision_importable

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "revenue",
    "rose",
    "fell",
    "the",
    "of",
    "margin",
    "毛",
    "利",
    "率",
]


def _small_bert(folder: Path, **given: int) -> tuple[Path, Any]:
    """A folder with the vocabulary, and the config of a BERT of one layer."""
    from transformers import BertConfig

    network = folder / "network"
    network.mkdir(parents=True)
    (network / "vocab.txt").write_text("\n".join(WORDS), "utf-8")
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        **given,
    )
    return network, config


def make_sentence_model(folder: Path, *, max_tokens: int = 12, seed: int = 0) -> Path:
    """A sentence-transformers folder: a BERT of one layer, mean pooling, prompts of its own."""
    make_torchvision_importable()
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertModel, BertTokenizer

    torch.manual_seed(seed)
    network, config = _small_bert(folder, max_position_embeddings=max_tokens)
    BertModel(config).save_pretrained(network)
    BertTokenizer(vocab=str(network / "vocab.txt")).save_pretrained(network)
    encoder = Transformer(str(network), max_seq_length=max_tokens)
    model = SentenceTransformer(
        modules=[encoder, Pooling(16)],
        prompts={"query": "revenue ", "document": "the margin "},
        device="cpu",
    )
    model.save(str(folder / "model"))
    return folder / "model"


def make_cross_encoder(folder: Path, *, outputs: int = 1, seed: int = 0) -> Path:
    """A sentence-transformers CrossEncoder folder: a BERT of one layer with a score on top."""
    make_torchvision_importable()
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import BertForSequenceClassification, BertTokenizer

    torch.manual_seed(seed)
    network, config = _small_bert(folder, max_position_embeddings=16, num_labels=outputs)
    BertForSequenceClassification(config).save_pretrained(network)
    BertTokenizer(vocab=str(network / "vocab.txt"), model_max_length=16).save_pretrained(network)
    CrossEncoder(str(network), device="cpu").save_pretrained(str(folder / "model"))
    return folder / "model"


def make_clip_model(folder: Path, *, name: str = "tiny-clip", seed: int = 0) -> str:
    """The spec ("name:file") of a two-layer CLIP that open_clip knows from now on."""
    make_torchvision_importable()
    import open_clip
    import torch
    from safetensors.torch import save_file

    config = {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(config), "utf-8")
    open_clip.add_model_config(folder / f"{name}.json")
    torch.manual_seed(seed)
    model = open_clip.create_model(name)
    weights = folder / f"{name}-{seed}.safetensors"
    save_file(model.state_dict(), str(weights))
    return f"{name}:{weights}"
