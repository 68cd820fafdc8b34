"""Prepares the process of a command: seed, threads, precision, and quiet libraries."""

import logging
import warnings

import datasets
import pytorch_lightning as pl
import torch


def prepare_process(seed: int, threads: int | None) -> None:
    """Sets seed, threads and precision, and silences what other libraries say at each start."""
    if threads is not None:
        torch.set_num_threads(threads)
    # Adam's averages of words not seen for some hundred steps sink below 1e-38, and a step over an
    # embedding full of such numbers takes twenty times as long. Threads take the setting from the
    # one that starts them: it comes first.
    torch.set_flush_denormal(True)
    _compute_whole_float32()
    pl.seed_everything(seed, verbose=False)

    for library in ("pytorch_lightning", "lightning_fabric"):
        logging.getLogger(library).setLevel(logging.WARNING)
    datasets.disable_progress_bars()
    # Lightning's own (its issue 21326, in 2.6.6 still), raised once per fit and of no use to anyone
    # here.
    warnings.filterwarnings("ignore", message=".*treespec, LeafSpec.*", category=FutureWarning)
    # On the login node of a cluster a run is meant to train there; within a job Lightning does not
    # say this.
    warnings.filterwarnings(
        "ignore", message="The `srun` command is available on your system but is not used"
    )
    # Whoever types accelerator=cpu knows; Lightning says this to nobody else.
    warnings.filterwarnings("ignore", message="GPU available but not used")
    # A resumed run goes on in its own folder.
    warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")


def _compute_whole_float32() -> None:
    """Makes cuDNN's LSTM compute in float32 where float32 is asked for.

    It would round to TF32 of ten bits, by which a log loss moves by 3e-4 with the batch size.
    Products outside cuDNN are in float32 already, and a CPU has no TF32. For speed there is
    bf16-mixed.
    """
    with warnings.catch_warnings():
        # Torch advises another way since 2.9, after which its ONNX exporter fails (seen in 2.13).
        warnings.filterwarnings("ignore", message=".*TF32")
        torch.backends.cudnn.allow_tf32 = False
