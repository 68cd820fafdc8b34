"""A process that is forked after a model was loaded predicts, as a server's workers do."""

import os
import subprocess
import sys

import pytest

from helpers.small import small_network
from textlstm.data.tokenizer import train_tokenizer
from textlstm.model.bundle import save_bundle

TEXTS = ["a late goal in Porto", "shares fall as the bank warns"]

# Loads, predicts if it is told to, forks, and says what the child answers within half a minute.
FORKS = """
import os
import select
import sys

import torch

from textlstm import TextClassifier

torch.set_num_threads(2)
classifier = TextClassifier.load(sys.argv[1])
assert torch.get_num_threads() == 2
texts = ["a late goal in Porto", "shares fall as the bank warns"] * 500
if sys.argv[2] == "warm":
    classifier.predict(texts)

reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.write(writer, str(len(classifier.predict(texts))).encode())
    os._exit(0)

answered = select.select([reader], [], [], 30)[0]
print(os.read(reader, 9).decode() if answered else "nothing")
os.kill(child, 9)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here")
@pytest.mark.parametrize("parent", ["cold", "warm"])
def test_a_forked_process_predicts(tmp_path, parent):
    tokenizer = train_tokenizer(TEXTS, kind="bpe", vocab_size=300)
    # So large that torch divides the making of its weights among threads.
    network = small_network(
        vocab_size=tokenizer.get_vocab_size(), classes=2, embedding_dim=400, hidden=128
    )
    save_bundle(
        tmp_path,
        network=network,
        max_length=None,
        truncate="head",
        tokenizer_json=tokenizer.to_str(),
        labels=["sports", "business"],
    )

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS, tmp_path, parent],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )

    assert done.stdout == "1000\n", done.stderr
