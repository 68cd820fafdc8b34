"""Keeps the password of a database's URL out of everything that is written or shown.

A typed password stays in an environment variable of this process, from which the processes that it
starts have it, too. All else, such as the record of a run, holds the URL without it.
"""

import os
import re
from urllib.parse import unquote

from textlstm.checks import InputError

# environment variable: the URL of a sweep's storage as it was typed
STORAGE_URL = "TEXTLSTM_STORAGE_URL"

# Up to the last @: a password may hold others, though it should not.
BESIDE_USER = re.compile(r"(?<=://)(?P<user>[^:/?#@\s]*):(?P<password>\S*)@")
AS_PARAMETER = re.compile(
    r"(?<=[?&])(?P<name>[\w-]*(?:password|passwd|pwd|secret|token)[\w-]*)="
    r"(?P<password>[^&\s'\"]+)(?P<end>&?)",
    re.IGNORECASE,
)

SECRET_NAME = re.compile(r"password|passwd|secret|token|api_?key", re.IGNORECASE)
USER_OF_SERVER = re.compile(r"https?://[^/\s]*@")


def without_password(text: str) -> str:
    """Leaves the passwords of URLs in a text out: `scheme://user@host/base` is what stays."""
    text = BESIDE_USER.sub(r"\g<user>@", text)
    shorter = AS_PARAMETER.sub("", text)
    return shorter if shorter == text else re.sub(r"[?&](?=['\"]?$)", "", shorter)


def refuse_recorded_secret(key: str, value: str) -> None:
    """Refuses a password, token or key of an account as a key of the logger.

    What is typed is recorded in the run's folder, and shown by TensorBoard.

    Raises:
        InputError: does not say the value.
    """
    group, _, name = key.lstrip("+").partition(".")
    secret = SECRET_NAME.search(name) or USER_OF_SERVER.search(value)
    if group == "logger" and (secret or without_password(value) != value):
        raise InputError(
            f"{key} has a password or a key, which the record of the run would show. Leave it out: "
            f"MLflow takes the address of its server from the environment variable "
            f"MLFLOW_TRACKING_URI, and W&B its key from `wandb login` or WANDB_API_KEY."
        )


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
