"""Follow the changes by HTTP, as server-sent events; after a break nothing is lost or doubled.

    NTM_KEY=ntm_… python follow_http.py http://127.0.0.1:8002 place.txt

Prints a line for each change: the event's id and its content. `place.txt` keeps how far it has come.
"""

import json
import os
import sys
from pathlib import Path

import httpx


def main(url: str, place: Path) -> None:
    """Print what comes, and keep the number of the newest frame in a file."""
    key = {"Authorization": f"Bearer {os.environ['NTM_KEY']}"}
    with httpx.Client(base_url=url, headers=key, timeout=60) as client:
        if not place.exists():
            place.write_text(str(client.get("/v1/changes").raise_for_status().json()["live_after"]))
        with client.stream("GET", "/v1/changes/live", headers={"Last-Event-ID": place.read_text()}) as answer:
            answer.raise_for_status()
            frame: dict[str, str] = {}
            for line in answer.iter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    frame[name] = value
                    continue
                if "data" in frame:
                    for change in json.loads(frame["data"]).get("items", []):  # `reset` has none: read /v1/statuses
                        print(change["id"], json.dumps(change, ensure_ascii=False), flush=True)
                if "id" in frame:
                    place.write_text(frame["id"])
                frame = {}


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
