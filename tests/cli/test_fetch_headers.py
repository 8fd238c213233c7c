"""Headers for fetching files: which place wins, and that none of their values is shown."""

from __future__ import annotations

import pytest

from etl.errors import ConfigurationInvalid
from tests.cli.test_settings import read

PROJECT = """
[fetch_headers."https://CDN.example"]
X-Far = "1"
X-Near = "top"
[profiles.shop]
url = "https://pim.example"
[profiles.shop.fetch_headers."https://cdn.example/"]
Authorization = "@key.txt"
X-Near = "profile"
"""


def headers(found):
    return {
        site: {name: value.reveal() for name, value in one.items()}
        for site, one in found.fetch_headers.items()
    }


def test_the_headers_of_a_profile_win_and_secrets_come_from_their_files(tmp_path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "key.txt").write_text("Bearer not-for-logs\n", encoding="utf-8")
    found = read(tmp_path, {"profile": "shop"}, project=PROJECT)
    assert headers(found) == {
        "https://cdn.example": {"X-Far": "1", "X-Near": "profile", "Authorization": "Bearer not-for-logs"}
    }
    shown = next(one.value for one in found.listed if one.name == "fetch_headers")
    assert shown == "https://cdn.example: X-Far, X-Near, Authorization"
    assert headers(read(tmp_path)) == {"https://cdn.example": {"X-Far": "1", "X-Near": "top"}}


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ('[fetch_headers."cdn.example"]\nX = "1"', "names no server"),
        ('[fetch_headers."https://cdn.example/images"]\nX = "1"', "names no server"),
        ('[fetch_headers."https://u:p@cdn.example"]\nX = "1"', "names no server"),
        ('[fetch_headers."https://cdn.example"]\n"X: 1" = "1"', "is no name of a header"),
        ('[fetch_headers."https://cdn.example"]\nX = "a\\nHost: b"', "has more than one line"),
        ('[fetch_headers."https://cdn.example"]\nX = "@none.txt"', "cannot be read"),
    ],
)
def test_what_cannot_be_a_header_is_refused(tmp_path, table, what):
    with pytest.raises(ConfigurationInvalid, match=what):
        read(tmp_path, project=table)
