"""Text to token ids: a tokenizer is learned from the training texts alone and travels as JSON."""

import json
from collections.abc import Iterable

import torch
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

from textlstm.checks import InputError, choice, whole
from textlstm.vocabulary import PAD, SPECIALS, UNK

KINDS = ("word", "bpe", "unigram")
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
ENCODED_AT_ONCE = 10_000  # texts whose encodings are in memory together


def train_tokenizer(texts: Iterable[str], *, kind: str, vocab_size: int) -> Tokenizer:
    """Learns a vocabulary of at most `vocab_size` tokens, `[PAD]` 0 and `[UNK]` 1 among them.

    (`unigram` keeps each character of the training texts, even where that takes it beyond.)
    All kinds normalise to NFKC, lower case and single spaces. `word` splits at spaces and punctuation; what it did not
    see is `[UNK]`. `bpe` (Sennrich et al. 2016) and `unigram` (Kudo 2018) split words further; a character
    that they did not see becomes its UTF-8 bytes.

    Raises:
        InputError: an unknown kind, or a vocabulary too small for the kind's fixed tokens.
    """
    choice("data.tokenizer", kind, KINDS)
    fixed = SPECIALS if kind == "word" else SPECIALS + BYTES
    whole("data.vocab_size", vocab_size, minimum=1)
    if vocab_size <= len(fixed):
        raise InputError(
            f"data.vocab_size must be above {len(fixed)} for data.tokenizer={kind}, which keeps "
            f"{len(fixed)} ids for padding, unknowns{'' if kind == 'word' else ' and single bytes'}; got {vocab_size}."
        )
    words = pre_tokenizers.Whitespace()
    pieces = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")])
    trainer: trainers.Trainer
    if kind == "word":
        tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
        trainer = trainers.WordLevelTrainer(vocab_size=vocab_size, special_tokens=fixed, show_progress=False)
    elif kind == "bpe":
        tokenizer = Tokenizer(models.BPE(unk_token="[UNK]", byte_fallback=True))
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=fixed,
            limit_alphabet=vocab_size - len(fixed),
            show_progress=False,
        )
    else:
        tokenizer = Tokenizer(models.Unigram())
        trainer = trainers.UnigramTrainer(
            vocab_size=vocab_size, special_tokens=fixed, unk_token="[UNK]", show_progress=False
        )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = words if kind == "word" else pieces
    tokenizer.train_from_iterator(texts, trainer)
    return load_tokenizer(tokenizer.to_str())


def load_tokenizer(text: str) -> Tokenizer:
    """A tokenizer from its JSON, in which no text can spell a special token: "[PAD]" is a word like any other."""
    content = json.loads(text)
    content["added_tokens"] = []
    if content["model"]["type"] == "Unigram":
        content["model"]["byte_fallback"] = True
    try:
        tokenizer = Tokenizer.from_str(json.dumps(content, ensure_ascii=False))
    except Exception as error:  # the library raises no class of its own
        raise InputError(f"The tokenizer's JSON cannot be read: {error}") from error
    vocabulary = tokenizer.get_vocab()
    if vocabulary.get("[PAD]") != PAD or vocabulary.get("[UNK]") != UNK:
        raise InputError("The tokenizer's JSON has no [PAD] at id 0 and [UNK] at id 1: it was not made by textlstm.")
    return tokenizer


def encode(tokenizer: Tokenizer, texts: list[str], max_length: int | None) -> tuple[Tensor, Tensor, int]:
    """Ids of all texts end to end (int32), where each text starts (N + 1 offsets), and how many texts were cut."""
    tokens: list[int] = []
    lengths: list[int] = []
    cut = 0
    for start in range(0, len(texts), ENCODED_AT_ONCE):
        for encoding in tokenizer.encode_batch_fast(texts[start : start + ENCODED_AT_ONCE]):
            ids = encoding.ids
            cut += max_length is not None and len(ids) > max_length
            tokens += ids[:max_length]
            lengths.append(len(ids[:max_length]))
    offsets = torch.zeros(len(texts) + 1, dtype=torch.long)
    torch.cumsum(torch.tensor(lengths, dtype=torch.long), 0, out=offsets[1:])
    return torch.tensor(tokens, dtype=torch.int32), offsets, cut
