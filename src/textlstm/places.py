"""Where the configuration lies and where outputs go."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
CONF = REPOSITORY / "conf"
OUTPUTS = REPOSITORY / "outputs"
CACHE = OUTPUTS / "cache"
