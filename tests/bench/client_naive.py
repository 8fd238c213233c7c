"""An import as it is written first: pandas rows, json, one request at a time. Its arguments: FILE URL."""

from __future__ import annotations

import json
import sys
from urllib.request import Request, urlopen

import pandas as pd

from tests.bench.usage import printed

ROWS = 100


def post(url: str, items: list[dict[str, object]]) -> None:
    """Post some items and read the answer."""
    body = json.dumps(items).encode()
    request = Request(  # noqa: S310  the sink's own address
        f"{url}/api/v1/MassActions/action/upsert", data=body, headers={"Content-Type": "application/json"}
    )
    with urlopen(request) as answer:  # noqa: S310  the same
        json.loads(answer.read())


def main(path: str, url: str) -> None:
    """Post every row of a table."""
    items: list[dict[str, object]] = []
    for _, row in pd.read_csv(path, sep=";", dtype=str, keep_default_na=False).iterrows():
        items.append({"entity": "Product", "payload": {"id": row["number"], **row.to_dict()}})
        if len(items) == ROWS:
            post(url, items)
            items = []
    post(url, items)


if __name__ == "__main__":
    with printed():
        main(sys.argv[1], sys.argv[2])
