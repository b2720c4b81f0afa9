"""Services are served with the same options on this machine and in the image."""

from __future__ import annotations

import re
from pathlib import Path

from uvicorn.main import main

from deploy.local.uvicorn_options import OPTIONS, uvicorn_env

DOCKERFILE = Path("deploy/Dockerfile")


def test_the_image_serves_with_the_same_options() -> None:
    set_by_the_image = dict(re.findall(r"\b(UVICORN_\w+)=(\S+)", DOCKERFILE.read_text()))
    assert {name: value for name, value in set_by_the_image.items() if name in OPTIONS} == OPTIONS
    assert set(set_by_the_image) == set(uvicorn_env(8001))


def test_uvicorn_knows_every_option() -> None:
    known = {f"UVICORN_{option.name}".upper() for option in main.params}
    assert set(uvicorn_env(8001)) <= known
