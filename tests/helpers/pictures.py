"""What tests read from a picture that is drawn but not saved."""

from matplotlib.axis import Axis


def tick_labels(axis: Axis) -> list[str]:
    """The labels of an axis, in their order."""
    return [label.get_text() for label in axis.get_ticklabels()]
