"""Lists of column names as a person types them, such as `[title,description]`."""

import re

# One name: in double quotes, in single ones, or as it is up to the next comma.
NAME = re.compile(r"""\s*(?:"([^"]*)"\s*|'([^']*)'\s*|([^,]+)|(?=,))(?:,|\Z)""")


def is_list(typed: str) -> bool:
    """Whether a value stands in brackets."""
    return typed.startswith("[") and typed.endswith("]")


def split_names(typed: str) -> list[str]:
    """The names of a list, `[title,'one, two']`, with or without the brackets."""
    inside = typed[1:-1] if is_list(typed) else typed
    return [double or single or bare.strip() for double, single, bare in NAME.findall(inside)]


def listed(names: str | list[str]) -> str:
    """A list of names as a person types it."""
    return names if isinstance(names, str) else f"[{','.join(map(str, names))}]"
