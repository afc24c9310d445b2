"""What stacks/config.py says, or in one line what is wrong with it."""

from __future__ import annotations

import traceback
from pathlib import Path

from stacks.settings.checked import ConfigError
from stacks.settings.deployment import Deployment

_FILE = "stacks/config.py"


def configured(*, demo: bool = False) -> Deployment:
    """Return the deployment, or the one that shows all there is.

    Raises ConfigError, also for misspelt fields and what is no Python.
    """
    try:
        from stacks import config  # here, or a misspelt name would be a traceback

        return config.demonstration() if demo else config.deployment()
    except SyntaxError as error:
        raise ConfigError(f"{_FILE}:{error.lineno}: {error.msg}") from None
    except (TypeError, AttributeError, NameError) as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [e.lineno for e in frames if Path(e.filename).match(_FILE)]
        where = f"{_FILE}:{lines[-1] if lines else '?'}"
        raise ConfigError(f"{where}: {error}") from None
