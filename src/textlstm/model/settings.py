"""The settings of the network: one field for each key of `model`, checked when they are made.

The sentence under a field is the key's help. Torch is not imported here, so that `--help` is quick.
"""

from dataclasses import dataclass

from textlstm.checks import InputError, check_choice, check_flag, check_number, check_whole

DIRECTIONS = ("mixed", "separate")

MOST_LAYERS = 1000

FEW_ROWS = 10_000  # up to which word dropout is highest
HIGHEST_WORD_DROPOUT, LOWEST_WORD_DROPOUT = 0.5, 0.1


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """Settings of an `LSTMClassifier`, besides the sizes of its vocabulary and its output.

    Raises:
        InputError: a value outside its range, with its config key. The name of the pooling is
            checked by the network, which knows all poolings.
    """

    embedding_dim: int
    """how many numbers stand for a token"""

    hidden: int
    """units of each LSTM layer, in each direction"""

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
    """the share of tokens that training reads as unknown (null: it follows from the rows)"""

    def __post_init__(self) -> None:
        check_whole("model.embedding_dim", self.embedding_dim, minimum=1)
        check_whole("model.hidden", self.hidden, minimum=1)
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
        if self.word_dropout is not None:
            check_number("model.word_dropout", self.word_dropout, minimum=0, below=1)

    @property
    def separate(self) -> bool:
        """Whether each direction is a stack of its own."""
        return self.bidirectional and self.directions == "separate"

    @property
    def state_size(self) -> int:
        """Size of a state of an LSTM layer, both directions together if there are two."""
        return 2 * self.hidden if self.bidirectional else self.hidden


@dataclass(frozen=True, kw_only=True)
class ModelSettings(NetworkSettings):
    """All keys of `model`: those of the network, and those of its loss."""

    label_smoothing: float
    """the share of the target that is spread over all classes"""

    adversarial: float = 0.0  # what networks were trained with before there was a choice
    """how far training also shifts each text to its worst, in lengths of a mean token vector"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("model.label_smoothing", self.label_smoothing, minimum=0, below=1)
        check_number("model.adversarial", self.adversarial, minimum=0, below=100)


def word_dropout_for(rows: int) -> float:
    """Computes model.word_dropout from the training rows, where it is null.

    Few texts are soon known by heart, and reading half of their words as unknown helps. Of many
    texts a network that starts from a language model learns more if it reads most of each:
    docs/accuracy.md has what was measured.
    """
    share = HIGHEST_WORD_DROPOUT * FEW_ROWS / max(rows, FEW_ROWS)
    return max(share, LOWEST_WORD_DROPOUT)
