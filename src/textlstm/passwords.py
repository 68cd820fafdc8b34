"""Keeps the password of a database's URL out of everything that is written or shown.

A typed password stays in an environment variable of this process, from which the processes that it
starts have it, too. All else, such as the record of a run, holds the URL without it.
"""

import os
import re
from urllib.parse import unquote

# environment variable: the URL of a sweep's storage as it was typed
STORAGE_URL = "TEXTLSTM_STORAGE_URL"

# Up to the last @: a password may hold others, though it should not.
BESIDE_USER = re.compile(r"(?<=://)(?P<user>[^:/?#@\s]*):(?P<password>\S*)@")
AS_PARAMETER = re.compile(
    r"(?<=[?&])(?P<name>[\w-]*(?:password|passwd|pwd|secret|token)[\w-]*)="
    r"(?P<password>[^&\s'\"]+)(?P<end>&?)",
    re.IGNORECASE,
)


def without_password(text: str) -> str:
    """Leaves the passwords of URLs in a text out: `scheme://user@host/base` is what stays."""
    text = BESIDE_USER.sub(r"\g<user>@", text)
    shorter = AS_PARAMETER.sub("", text)
    return shorter if shorter == text else re.sub(r"[?&](?=['\"]?$)", "", shorter)


def with_placeholder(text: str) -> str:
    """Puts the word PASSWORD in place of the passwords of URLs in a text."""
    text = BESIDE_USER.sub(r"\g<user>:PASSWORD@", text)
    return AS_PARAMETER.sub(r"\g<name>=PASSWORD\g<end>", text)


def keep_password(url: str) -> str:
    """Keeps a URL with its password for `with_password`, and gives it without."""
    shown = without_password(url)
    if shown != url:
        os.environ[STORAGE_URL] = url
    return shown


def with_password(url: str) -> str:
    """Gives the URL that was kept if this one is it without its password; else this one."""
    kept = os.environ.get(STORAGE_URL, "")
    return kept if without_password(kept) == url else url


def hidden(text: str, url: str) -> str:
    """Replaces the passwords of a URL in a text, such as a driver's error, by three stars."""
    found = [*BESIDE_USER.finditer(url), *AS_PARAMETER.finditer(url)]
    secrets = [url, *(match["password"] for match in found)]
    for secret in filter(None, [*secrets, *map(unquote, secrets)]):
        text = text.replace(secret, "***")
    return text
