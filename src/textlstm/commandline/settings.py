"""The keys of the commands other than `train`: one dataclass for each.

The sentence under a field is the key's help. Torch is not imported here, so that `--help` is quick.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from textlstm.checks import (
    MOST_THREADS,
    InputError,
    check_choice,
    check_flag,
    check_number,
    check_whole,
    parse_settings,
)
from textlstm.data.reading.names import listed
from textlstm.data.reading.settings import ENCODING_ERRORS, FileSettings, check_delimited
from textlstm.data.settings import DataSettings
from textlstm.training.settings import RunSettings

Reading = TypeVar("Reading", bound=FileSettings)

SPLITS = ("train", "validation", "test")
WITHOUT_OTHERS = ("validation", "test", "folds", "fold", "refit", "streaming")  # keys of `data`


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """The keys of `evaluate`.

    Raises:
        InputError: a value outside its range.
    """

    run: str
    """the folder of the run; or latest, the last that finished in outputs/runs; or best, the best
    of the last sweep or, with sweep=NAME, of that one"""

    split: Literal["train", "validation", "test"]
    """which rows of the run's own data are scored: train, validation or test"""

    file: str | None
    """another labelled file to score instead"""

    text_column: str | list[str] | None
    """the column of the text in that file (default: the run's)"""

    label_column: str | list[str] | None
    """the column of the class in that file, or a list with one column per class (default: the
    run's)"""

    format: str | None
    """csv, tsv, jsonl, json, parquet, arrow, xlsx or fasttext, whatever the file is called
    (default: what its name says, or the run's)"""

    encoding: str | None
    """the encoding of text files, such as cp1252 (default: the run's)"""

    encoding_errors: str | None
    """what to do with bytes that are no text: strict makes them an error, replace reads them as �
    (default: the run's)"""

    merge_labels: bool | None
    """true takes a label that differs from a class only in case or spaces for that class (default:
    the run's)"""

    header: bool | None = None
    """CSV, TSV: whether the first row names the columns (default: the run's)"""

    columns: str | list[str] | None = None
    """with header=false: names for the columns, such as [id,text] (default: the run's)"""

    quoting: str | None = None
    """CSV, TSV: double if fields may stand in double quotes, none if a quote is an ordinary
    character (default: the run's)"""

    batch_size: int | None
    """how many texts are scored at once (default: the run's)"""

    changed_data: bool
    """true scores even if the files of the run have changed since"""

    accelerator: str
    """where to compute: auto, cpu or gpu"""

    threads: int | None
    """CPU threads (default: as many as PyTorch chooses)"""

    spreadsheet: bool = False
    """true writes predictions.csv so that a spreadsheet takes no text for a formula"""

    drift: bool = False
    """true says in three lines whether the texts look like those of training"""

    def __post_init__(self) -> None:
        check_flag("spreadsheet", self.spreadsheet)
        check_flag("drift", self.drift)
        check_choice("split", self.split, SPLITS)
        check_flag("changed_data", self.changed_data)
        check_choice("encoding_errors", self.encoding_errors, ENCODING_ERRORS, null=True)
        check_flag("merge_labels", self.merge_labels, null=True)
        check_delimited("", self.header, self.quoting)
        check_whole("batch_size", self.batch_size, minimum=1, null=True)
        check_whole("threads", self.threads, minimum=1, maximum=MOST_THREADS, null=True)


@dataclass(frozen=True, kw_only=True)
class PredictSettings:
    """The keys of `predict`.

    Raises:
        InputError: a value outside its range, or one text and a file at once.
    """

    run: str
    """the folder of the run; or latest, the last that finished in outputs/runs; or best, the best
    of the last sweep or, with sweep=NAME, of that one"""

    text: str | None
    """one text to predict"""

    input: str | None
    """the texts to predict: a file or a glob (CSV, TSV, JSON Lines, Parquet, Arrow, Excel,
    fastText, or one text on each line) (default: standard input)"""

    output: str | None
    """the file to write, .csv, .tsv or .jsonl (default: CSV on standard output)"""

    text_column: str | list[str] | None
    """the column of the text (default: the run's)"""

    format: str | None = None
    """csv, tsv, jsonl, json, parquet, arrow, xlsx, fasttext or lines (one text on each line),
    whatever the file is called (default: what its name says, or the run's)"""

    encoding: str | None = None
    """the encoding of text files, such as cp1252 (default: the run's)"""

    encoding_errors: str | None = None
    """what to do with bytes that are no text: strict makes them an error, replace reads them as �
    (default: the run's)"""

    header: bool | None = None
    """CSV, TSV: whether the first row names the columns (default: the run's)"""

    columns: str | list[str] | None = None
    """with header=false: names for the columns, such as [id,text] (default: the run's)"""

    quoting: str | None = None
    """CSV, TSV: double if fields may stand in double quotes, none if a quote is an ordinary
    character (default: the run's)"""

    min_probability: float | None
    """adds a column `sure`, which says whether the largest probability reaches this number"""

    batch_size: int
    """how many texts are predicted at once"""

    threads: int | None
    """CPU threads (default: as many as PyTorch chooses)"""

    spreadsheet: bool = False
    """true writes CSV or TSV so that a spreadsheet takes no text for a formula"""

    explain: bool = False
    """true says how much each word adds to the probability of the predicted class"""

    against: str | None = None
    """with explain=true: a class whose probability is subtracted, which tells why the text is not
    of that class"""

    drift: bool = False
    """true says in three lines whether the texts look like those of training"""

    def __post_init__(self) -> None:
        check_flag("spreadsheet", self.spreadsheet)
        check_flag("drift", self.drift)
        if self.drift and self.text is not None:
            raise InputError("drift=true compares many texts: give input=, and not text=.")
        check_flag("explain", self.explain)
        if self.against is not None and not self.explain:
            raise InputError("against= says why a text is not of a class: give explain=true, too.")
        check_choice("encoding_errors", self.encoding_errors, ENCODING_ERRORS, null=True)
        check_delimited("", self.header, self.quoting)
        check_number("min_probability", self.min_probability, minimum=0, below=1, null=True)
        check_whole("batch_size", self.batch_size, minimum=1)
        check_whole("threads", self.threads, minimum=1, maximum=MOST_THREADS, null=True)
        if self.text is not None and (self.input is not None or self.output is not None):
            raise InputError(
                "text= predicts one text on the screen: leave input= and output= out, or text=."
            )
        if self.spreadsheet and self.text is not None:
            raise InputError(
                "spreadsheet=true writes a table, and text= predicts one text on the screen: leave "
                "one of them out."
            )


def read_as(
    path: str,
    recorded: Reading,
    typed: EvaluateSettings | PredictSettings,
    train: str | None,
) -> Reading:
    """How another file is read: as the run's own were where the keys do not say otherwise.

    Args:
        path: the other file.
        recorded: how the run's files were read.
        typed: the keys.
        train: the run's training file.

    Raises:
        InputError: names for the columns of a file that has a header.
    """
    from textlstm.data.reading.formats import inherited_format  # --help needs none of it

    header = recorded.header if typed.header is None else typed.header
    if typed.columns is not None and header is not False:
        raise InputError(
            f"columns={listed(typed.columns)} names the columns of a file without a header: give "
            f"header=false, too, or leave it out."
        )
    columns = typed.columns
    if columns is None and header is False:
        columns = recorded.columns

    return replace(
        recorded,
        format=typed.format or inherited_format(Path(path), recorded.format, train),
        encoding=typed.encoding or recorded.encoding,
        encoding_errors=typed.encoding_errors or recorded.encoding_errors,
        header=header,
        columns=columns,
        quoting=typed.quoting or recorded.quoting,
    )


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """The keys of `export`.

    Raises:
        InputError: a value that is not true or false, or examples for a page that is not written.
    """

    run: str
    """the folder of the run; or latest, the last that finished in outputs/runs; or best, the best
    of the last sweep or, with sweep=NAME, of that one"""

    int8: bool
    """true writes model_int8.onnx, too, whose weights have eight bits, and compares it on the run's
    validation rows"""

    html: bool
    """true writes RUN/html, too: a page for any server of static files that runs the model in the
    browser; fetches ONNX Runtime for it from the npm registry, once"""

    examples: bool = False
    """true shows a short test text of each class on that page, so that whoever opens it sees these
    texts"""

    def __post_init__(self) -> None:
        check_flag("int8", self.int8)
        check_flag("html", self.html)
        check_flag("examples", self.examples)
        if self.examples and not self.html:
            raise InputError("examples=true is for the page: add html=true, or leave it out.")


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """The keys of `serve`.

    Raises:
        InputError: a value outside its range.
    """

    run: str
    """the folder of the run; or latest, the last that finished in outputs/runs; or best, the best
    of the last sweep or, with sweep=NAME, of that one"""

    host: str
    """the address that is listened to; 0.0.0.0 lets other machines in, which the server asks for no
    password"""

    port: int
    """the port that is listened to; 0 takes any that is free"""

    threads: int
    """CPU threads"""

    def __post_init__(self) -> None:
        if not isinstance(self.host, str) or not self.host:
            raise InputError(
                f"host must be an address of this machine, such as 127.0.0.1, got {self.host!r}."
            )
        check_whole("port", self.port, minimum=0, maximum=65535)
        check_whole("threads", self.threads, minimum=1, maximum=MOST_THREADS)


@dataclass(frozen=True, kw_only=True)
class InspectSettings:
    """The keys of `inspect_data`."""

    data: DataSettings

    output: str | None
    """the folder to write to (default: outputs/data/<name of the data>)"""

    @classmethod
    def parse(cls, config: dict[str, Any]) -> "InspectSettings":
        """Reads a configuration as Hydra composed it."""
        if not config.get("data"):
            raise InputError("data must be given.")
        data = parse_settings(DataSettings, config["data"], "data")
        return parse_settings(cls, {**config, "data": data})


@dataclass(frozen=True, kw_only=True)
class LabelNextSettings:
    """The keys of `label_next`; the others are keys of `predict`.

    Raises:
        InputError: a value outside its range.
    """

    predicting: PredictSettings

    number: int
    """how many texts to choose"""

    def __post_init__(self) -> None:
        check_whole("number", self.number, minimum=1)

    @classmethod
    def parse(cls, config: dict[str, Any]) -> "LabelNextSettings":
        """Reads a configuration as Hydra composed it."""
        others = {key: value for key, value in config.items() if key != "number"}
        predicting = {**others, "text": None, "min_probability": None}
        own = {key: value for key, value in config.items() if key == "number"}
        own["predicting"] = parse_settings(PredictSettings, predicting)
        return parse_settings(cls, own)


@dataclass(frozen=True, kw_only=True)
class SuspectsSettings:
    """The keys of `suspects`; the others are those of training.

    Raises:
        InputError: a value outside its range, or a key of `data` that says which rows are held out.
    """

    training: RunSettings

    folds: int
    """the number of parts into which the rows are divided; each part is predicted by a run that has
    trained on the others"""

    output: str | None
    """the folder to write to (default: outputs/suspects/<name of the data>)"""

    spreadsheet: bool = False
    """true writes suspects.csv so that a spreadsheet takes no text for a formula"""

    def __post_init__(self) -> None:
        check_whole("folds", self.folds, minimum=2)
        check_flag("spreadsheet", self.spreadsheet)
        for key in WITHOUT_OTHERS:
            value = getattr(self.training.data, key)
            if value is not None and value is not False:
                typed = "true" if value is True else value
                raise InputError(
                    f"data.{key}={typed}: suspects divides the rows of data.train by folds="
                    f"{self.folds}, and looks at no others. Leave data.{key} out."
                )

    @classmethod
    def parse(cls, config: dict[str, Any]) -> "SuspectsSettings":
        """Reads a configuration as Hydra composed it."""
        names = {"folds", "output", "spreadsheet"}
        own = {key: value for key, value in config.items() if key in names}
        others = {key: value for key, value in config.items() if key not in names}
        scored = {"test": True, "baselines": False, "resume": None}  # the fold is its run's test
        return parse_settings(cls, {**own, "training": RunSettings.parse({**others, **scored})})
