"""Addresses as people have them, and secrets that stay secret."""

from __future__ import annotations

import pickle

import pytest

from etl.api import Secret, Target
from etl.api.target import read_url, trust
from etl.errors import ConfigurationInvalid


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("https://pim.example", "https://pim.example"),
        ("https://pim.example/", "https://pim.example"),
        (" https://PIM.example/api/v1/ ", "https://pim.example"),
        ("https://pim.example/api", "https://pim.example"),
        ("https://pim.example/#Product/view/a01", "https://pim.example"),
        ("http://127.0.0.1:8080/pim/api/v1", "http://127.0.0.1:8080/pim"),
        ("https://pim.example/apiary", "https://pim.example/apiary"),
    ],
)
def test_addresses_are_understood_as_they_are_pasted(given, understood):
    assert read_url(given) == understood


@pytest.mark.parametrize("given", ["", "pim.example", "ftp://pim.example", "https://", "file:///etc/passwd"])
def test_what_is_no_address_is_refused_with_an_example(given):
    with pytest.raises(ConfigurationInvalid, match=r"https://pim\.example"):
        read_url(given)


@pytest.mark.parametrize("given", ["https://etl:hunter2@pim.example", "ftp://etl:hunter2@pim.example"])
def test_a_password_in_an_address_is_refused_and_not_shown(given):
    with pytest.raises(ConfigurationInvalid) as caught:
        read_url(given)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value)


def test_a_secret_shows_itself_only_when_it_is_asked_to():
    secret = Secret("hunter2")
    target = Target("https://pim.example", "etl", password=secret, token=secret)
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", repr(target), str([secret])):
        assert "hunter2" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    assert secret.reveal() == "hunter2"
    assert secret == Secret("hunter2")
    assert not Secret("")


def test_a_file_of_authorities_is_trusted_besides_the_system(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ConfigurationInvalid, match="PEM"):
        trust(Target("https://pim.example", ca_file=tmp_path / "ca.pem"))
    assert trust(Target("https://pim.example")) is True
