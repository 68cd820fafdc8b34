"""The ids that every vocabulary starts with, whatever the tokenizer."""

PAD, UNK = 0, 1
SPECIALS = ["[PAD]", "[UNK]"]
