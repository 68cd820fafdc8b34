"""Shows which words a predicted class comes from, on the screen and in a file's rows."""

from dataclasses import asdict
from typing import Any

from textlstm.model.explain import Explanation

SHOWN = 20  # words on the screen, at most


def explanation_lines(explanation: Explanation) -> list[str]:
    """Says on the screen which words the score of a class comes from, the largest shares first."""
    against = explanation.against
    difference = "" if against is None else f" less that of {against}"
    found = sorted(explanation.words, key=lambda word: -abs(word.share))
    lines = [
        f"why {explanation.label}: its probability{difference}, by the words that it comes from",
        *(f"  {word.share:+.4f}  {word.text}" for word in found[:SHOWN]),
    ]
    if others := found[SHOWN:]:
        share = sum(word.share for word in others)
        lines.append(f"  {share:+.4f}  (the other {len(others)} words)")
    return [
        *lines,
        f"  {explanation.unknown_score:+.4f}  (a text of unknown words alone)",
        f"  {explanation.rest:+.4f}  (rounding)",
        f"  {explanation.score:+.4f}  in all",
    ]


def explanation_values(explanation: Explanation) -> dict[str, Any]:
    """Gives an explanation as JSON can hold it, its numbers with eight digits."""
    return _rounded(asdict(explanation))


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.8g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value
