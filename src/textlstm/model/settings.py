"""The settings of the network: one field for each key of `model`, checked when they are made.

The sentence under a field is the key's help. Torch is not imported here, so that `--help` is quick.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from textlstm.checks import InputError, check_choice, check_flag, check_number, check_whole

DIRECTIONS = ("mixed", "separate")

MOST_LAYERS = 1000

# null: they follow from the training texts
FROM_TEXTS = ("hidden", "embedding_dim", "word_dropout", "adversarial")
MANY_ROWS = 40_000  # from which the network is larger
UNITS, MANY_UNITS = 128, 256
FEW_ROWS = 10_000  # up to which word dropout may be highest, and from which shifts are smallest
MORE_ROWS = 14_000  # from which word dropout is lowest
FEW_UNKNOWN, MORE_UNKNOWN = 0.5, 0.9  # unknown words of a text: word dropout is lowest, and highest
HIGHEST_WORD_DROPOUT, LOWEST_WORD_DROPOUT = 0.5, 0.1
LARGEST_SHIFT, SMALLEST_SHIFT = 2.0, 0.5


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """Settings of an `LSTMClassifier`, besides the sizes of its vocabulary and its output.

    Raises:
        InputError: a value outside its range, with its config key. The name of the pooling is
            checked by the network, which knows all poolings.
    """

    embedding_dim: int | None
    """how many numbers stand for a token (null: it follows from the rows)"""

    hidden: int | None
    """units of each LSTM layer, in each direction (null: they follow from the rows)"""

    layers: int
    """how many LSTM layers lie on top of each other"""

    bidirectional: bool
    """true reads each text forwards and backwards"""

    directions: str = "mixed"  # what networks had before there was a choice
    """mixed (each layer reads the states of both directions) or separate (of its own alone)"""

    pooling: str
    """how the states of a text become one vector: last, mean, max, concat or attention"""

    head: list[int]
    """sizes of the dense layers before the class scores, such as [32]; [] for none"""

    dropout: float
    """the share of numbers that training sets to 0, after each LSTM layer and each dense layer"""

    embedding_dropout: float
    """the share of numbers that training sets to 0 after the embedding"""

    sequence_dropout: bool
    """true drops the same numbers at all tokens of a text"""

    word_dropout: float | None
    """the share of tokens that training reads as unknown words (null: it follows from the texts)"""

    def __post_init__(self) -> None:
        check_whole("model.hidden", self.hidden, minimum=1, null=True)
        check_whole("model.embedding_dim", self.embedding_dim, minimum=1, null=True)
        check_whole("model.layers", self.layers, minimum=1, maximum=MOST_LAYERS)
        check_flag("model.bidirectional", self.bidirectional)
        check_choice("model.directions", self.directions, DIRECTIONS)
        if not isinstance(self.head, list):
            raise InputError(
                f"model.head must be a list of layer sizes such as [32] or [], got {self.head!r}."
            )
        for size in self.head:
            check_whole("each size in model.head", size, minimum=1)
        check_number("model.dropout", self.dropout, minimum=0, below=1)
        check_number("model.embedding_dropout", self.embedding_dropout, minimum=0, below=1)
        check_flag("model.sequence_dropout", self.sequence_dropout)
        check_number("model.word_dropout", self.word_dropout, minimum=0, below=1, null=True)

    @property
    def separate(self) -> bool:
        """Whether each direction is a stack of its own."""
        return self.bidirectional and self.directions == "separate"

    @property
    def sizes(self) -> tuple[int, int]:
        """The numbers of a token's vector, and of a state of an LSTM in one direction.

        Raises:
            InputError: they are null, which a network cannot be.
        """
        if self.embedding_dim is None or self.hidden is None:
            raise InputError("A network's hidden and embedding_dim must be numbers, got null.")
        return self.embedding_dim, self.hidden

    @property
    def state_size(self) -> int:
        """Size of a state of an LSTM layer, both directions together if there are two."""
        return self.sizes[1] * (2 if self.bidirectional else 1)


@dataclass(frozen=True, kw_only=True)
class ModelSettings(NetworkSettings):
    """All keys of `model`: those of the network, and those of its loss."""

    label_smoothing: float
    """the share of the target that is spread over all classes"""

    adversarial: float | None = 0.0  # what networks were trained with before there was a choice
    """how far training shifts a text to its worst, in mean vector lengths (null: by the rows)"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("model.label_smoothing", self.label_smoothing, minimum=0, below=1)
        check_number("model.adversarial", self.adversarial, minimum=0, below=100, null=True)

    def for_texts(self, rows: int, unknown_words: Callable[[], float]) -> "ModelSettings":
        """Gives these settings with what follows from the training texts, where null.

        Args:
            rows: how many training texts there are.
            unknown_words: counts how many unknown words a new text has, on average; called only
                where the number decides something.
        """
        units, word_dropout = units_for(rows), self.word_dropout
        if word_dropout is None:
            word_dropout = word_dropout_for(rows, unknown_words() if rows < MORE_ROWS else 0)
        return replace(
            self,
            embedding_dim=self.embedding_dim or units,
            hidden=self.hidden or units,
            word_dropout=word_dropout,
            adversarial=shift_for(rows) if self.adversarial is None else self.adversarial,
        )


def units_for(rows: int) -> int:
    """Computes model.hidden and model.embedding_dim from the training rows, where they are null.

    A larger network learns more from many texts. With few ones it takes three times as long.
    """
    return MANY_UNITS if rows >= MANY_ROWS else UNITS


def word_dropout_for(rows: int, unknown_words: float) -> float:
    """Computes model.word_dropout from the training texts, where it is null.

    It is high where texts are few and new ones bring words that training has not seen, and low
    where either is not so. Few texts are soon known by heart, and reading half of their words as
    unknown helps; of many texts a network that starts from a language model learns more if it
    reads most of each. Where nearly all words of new texts are known, as in what a bank's customers
    ask, reading them as unknown does harm. docs/accuracy.md has what was measured.

    Args:
        rows: how many training texts there are.
        unknown_words: how many unknown words a new text has, on average.
    """
    many_rows = _ramp(rows, FEW_ROWS, MORE_ROWS)
    all_known = 1 - _ramp(unknown_words, FEW_UNKNOWN, MORE_UNKNOWN)
    fallen = max(many_rows, all_known)
    return HIGHEST_WORD_DROPOUT - fallen * (HIGHEST_WORD_DROPOUT - LOWEST_WORD_DROPOUT)


def _ramp(value: float, start: float, end: float) -> float:
    """Gives 0 up to `start`, 1 from `end` on, and rises between."""
    return min(max((value - start) / (end - start), 0), 1)


def shift_for(rows: int) -> float:
    """Computes model.adversarial from the training rows, where it is null.

    The fewer the texts, the further they are shifted: from 2 up to 2,500 texts to 0.5 from 10,000
    on. docs/accuracy.md has what was measured.
    """
    return min(SMALLEST_SHIFT * max(FEW_ROWS / rows, 1), LARGEST_SHIFT)
