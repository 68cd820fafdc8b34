"""What the API takes and what it answers, with the bounds of a request."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

BODY = 10_000_000  # bytes of a request
TEXTS = 1_000  # of a request to predict
EXPLAINED = 16  # texts of a request to explain
CHARACTERS = 20_000  # of a text, and of all texts of a request to explain

Text = Annotated[str, Field(max_length=CHARACTERS)]


class Question(BaseModel):
    """What is asked; a key that does not exist is an error."""

    model_config = ConfigDict(extra="forbid")


class PredictQuestion(Question):
    """Texts to classify."""

    texts: Annotated[list[Text], Field(max_length=TEXTS)]


class ExplainQuestion(Question):
    """Texts to explain."""

    texts: Annotated[list[Text], Field(max_length=EXPLAINED)]
    target: str | None = Field(
        default=None, description="the class that is explained; null takes the predicted one"
    )
    against: str | None = Field(
        default=None, description="a class whose probability is taken off that of the target"
    )

    @model_validator(mode="after")
    def _check_length(self) -> Self:
        characters = sum(map(len, self.texts))
        if characters > CHARACTERS:
            raise ValueError(
                f"the texts have {characters:,} characters together, and {CHARACTERS:,} can be "
                f"explained at once; send fewer"
            )
        return self


class ClassProbability(BaseModel):
    """A class and its probability."""

    label: str
    probability: float


class TextPrediction(BaseModel):
    """The class of a text."""

    label: str
    sure: bool = Field(description="whether the probability of `label` reaches the threshold")
    classes: list[ClassProbability] = Field(description="all classes, the most probable first")
    unknown_words: list[str] = Field(description="words that the vocabulary does not have")
    tokens: int = Field(description="words or parts of words of the text")
    tokens_read: int = Field(description="those that the network reads; the others are cut")


class PredictAnswer(BaseModel):
    """One prediction for each text, in their order."""

    predictions: list[TextPrediction]


class Word(BaseModel):
    """A word of a text and its share of the score."""

    text: str
    start: int = Field(description="its place in the text, in Unicode characters from 0")
    end: int
    share: float = Field(description="what it adds to the score; below 0 it speaks against")
    known: bool = Field(description="whether the vocabulary has it, or a part of it")
    read: bool = Field(description="whether the network reads it, or it is cut")


class TextExplanation(BaseModel):
    """Why a text has its score: `unknown_score`, all shares and `rest` add up to `score`."""

    label: str
    against: str | None
    score: float = Field(description="the probability of `label`, less that of `against`")
    unknown_score: float = Field(description="the score of a text of unknown words alone")
    rest: float = Field(description="what the shares lack: the error of the computation")
    words: list[Word]


class ExplainAnswer(BaseModel):
    """One explanation for each text, in their order."""

    explanations: list[TextExplanation]


class HealthAnswer(BaseModel):
    """Says that the server answers."""

    status: str = "ok"


class ThresholdAnswer(BaseModel):
    """The probability from which an answer is called sure."""

    min_probability: float
    sentence: str = Field(description="how it was chosen, in words")


class ModelScores(BaseModel):
    """The scores of the model, or of a simpler one, on the same rows."""

    model: str
    accuracy: float | None
    macro_f1: float | None
    log_loss: float | None
    calibration_error: float | None


class Example(BaseModel):
    """A text of the test set and its class."""

    text: str
    label: str


class ModelAnswer(BaseModel):
    """Which model answers, and how good it is."""

    name: str = Field(description="the name of its folder")
    classes: list[str]
    description: str = Field(description="what it is, in words")
    threshold: ThresholdAnswer | None = None
    scored_on: str | None = Field(
        default=None, description="the rows of `scores`: test or validation"
    )
    scores: list[ModelScores] = Field(default=[], description="the model first, then its baselines")
    against_baseline: str | None = Field(
        default=None, description="how it compares with the linear baseline"
    )
    examples: list[Example]


class ErrorAnswer(BaseModel):
    """The shape of every error."""

    error: str = Field(description="what is wrong, and what was expected")
    where: str | None = Field(description="the part of the request, such as texts[3]")
    request_id: str = Field(description="as in the header X-Request-ID and in the server's log")
