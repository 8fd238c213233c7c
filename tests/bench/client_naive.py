"""An import as it is written first: pandas rows, json, httpx, one request at a time: `FILE URL`."""

from __future__ import annotations

import json
import sys

import httpx
import pandas as pd

from tests.bench.usage import printed

ROWS = 100


def post(client: httpx.Client, items: list[dict[str, object]]) -> None:
    """Post some items and read the answer."""
    headers = {"Content-Type": "application/json"}
    answer = client.post("/api/v1/MassActions/action/upsert", content=json.dumps(items), headers=headers)
    json.loads(answer.content)


def main(path: str, url: str) -> None:
    """Post every row of a table."""
    items: list[dict[str, object]] = []
    with httpx.Client(base_url=url) as client:
        for _, row in pd.read_csv(path, sep=";", dtype=str, keep_default_na=False).iterrows():
            items.append({"entity": "Product", "payload": {"id": row["number"], **row.to_dict()}})
            if len(items) == ROWS:
                post(client, items)
                items = []
        post(client, items)


if __name__ == "__main__":
    with printed():
        main(sys.argv[1], sys.argv[2])
