"""Numbers with the noun that they count, and several names in a sentence."""


def number_of(count: int, noun: str, ending: str = "s") -> str:
    """Writes a number and its noun, such as `1 thread` and `11,000 texts`.

    Args:
        ending: of the plural.
    """
    return f"{count:,} {noun}{'' if count == 1 else ending}"


def in_words(names: list[str]) -> str:
    """Joins at least one name with commas and, before the last one, `and`."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
