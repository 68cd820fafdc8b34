"""Numbers with the noun that they count."""


def number_of(count: int, noun: str, ending: str = "s") -> str:
    """Writes a number and its noun, such as `1 thread` and `11,000 texts`.

    Args:
        ending: of the plural.
    """
    return f"{count:,} {noun}{'' if count == 1 else ending}"
