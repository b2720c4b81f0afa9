"""Services are served with the same options on this machine and in the image."""

from __future__ import annotations

import re
from pathlib import Path

from uvicorn.main import main

from deploy.local.uvicorn_options import UVICORN_ENV

DOCKERFILE = Path("deploy/Dockerfile")


def test_the_image_serves_with_the_same_options() -> None:
    set_by_the_image = dict(re.findall(r"\b(UVICORN_\w+)=(\S+)", DOCKERFILE.read_text()))
    for own in ("UVICORN_HOST", "UVICORN_PORT", "UVICORN_LOG_CONFIG"):  # a container's first lines are JSON as well
        del set_by_the_image[own]
    assert set_by_the_image == UVICORN_ENV


def test_uvicorn_knows_every_option() -> None:
    known = {f"UVICORN_{option.name}".upper() for option in main.params}
    assert set(UVICORN_ENV) <= known
