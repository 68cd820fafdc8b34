"""A finished run scored again: on one of its own splits, or on another file."""

from pathlib import Path
from typing import Any

from textlstm.batching import batch_loader
from textlstm.checks import InputError, choice, flag, whole
from textlstm.datamodule import SPLITS, TextDataModule, describe, encode_rows
from textlstm.module import TextClassificationModule
from textlstm.report import print_results, write_report
from textlstm.runs import RunFolder, folder_name, write_json
from textlstm.sources import changed, checksum, load_labelled
from textlstm.tokenizer import load_tokenizer
from textlstm.training import prepare_process, quiet_trainer


def evaluate(config: dict[str, Any]) -> None:
    """Scores the best checkpoint of `run` and writes the run's report anew, in RUN/evaluation/.

    Raises:
        InputError: no finished run, a split or file that cannot be used, or data that changed since the run.
    """
    run = RunFolder.finished(config["run"])
    record = run.record() or {}
    choice("split", config["split"], SPLITS)
    flag("changed_data", config["changed_data"])
    settings = dict(record["config"]["data"])
    if config["batch_size"] is not None:
        whole("batch_size", config["batch_size"], minimum=1)
        settings["batch_size"] = config["batch_size"]
    prepare_process(record["seed"], config["threads"])
    module = TextClassificationModule.load_from_checkpoint(run.best_checkpoint, map_location="cpu", weights_only=True)
    tokenizer_json = module.hparams["tokenizer_json"]

    if config["file"] is None:
        name = split = config["split"]
        if not config["changed_data"]:
            _refuse_changed(record["data"]["sources"])
        data = TextDataModule(**settings, seed=record["seed"], tokenizer_json=tokenizer_json)
        data.setup()
        rows, encoded = data.splits[split], data.encoded[split]
    else:
        file = Path(config["file"]).expanduser().absolute()
        name, split = folder_name(file.name), "file"
        text_column, label_column = (config[key] or settings[key] for key in ("text_column", "label_column"))
        rows = load_labelled(config["file"], text_column, label_column, module.labels)
        encoded = encode_rows(load_tokenizer(tokenizer_json), rows, settings["max_length"], settings["pad_to"])
        record["data"]["splits"] = {split: describe(rows, encoded)}
        record["data"]["sources"] = {split: {"path": str(file), "sha256": checksum(file)}}

    loader = batch_loader(encoded, settings["batch_size"], shuffle=False)
    quiet_trainer(config["accelerator"]).test(module, loader, verbose=False)
    record |= {"title": f"{record['title']}, scored on {name}", split: module.scores}
    folder = run.path / "evaluation" / name
    write_report(folder, record, split, rows["text"][:], module.predictions)
    write_json(folder / "metrics.json", record)
    print_results(record, split, folder)


def _refuse_changed(sources: dict[str, dict[str, str]]) -> None:
    for split in changed(sources):
        file = sources[split]["path"]
        if not Path(file).is_file():
            raise InputError(f"The run's {split} file {file} is gone; file=OTHER.csv scores another one.")
        raise InputError(
            f"The run's {split} file {file} has changed since the run, so its splits may differ. "
            f"changed_data=true scores it all the same; file={file} scores all of its rows."
        )
