"""Certificates are checked, always; an authority of one's own can be named."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest
from aiohttp import web

from etl import errors
from etl.api import Target, connect
from tests.api.clock import Clock
from tests.api.stub import PASSWORD, USER, Stub, json

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
async def url(certificate):
    """The address of a server whose certificate nobody vouches for."""

    async def nothing(_request):
        return json({"total": 0, "list": []})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", Stub(nothing).handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    await web.TCPSite(runner, "localhost", 0, ssl_context=context).start()
    yield f"https://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_certificate_that_nobody_vouches_for_is_refused(url):
    with pytest.raises(errors.ServerUnreachable, match="its certificate is not valid"):
        async with connect(url, username=USER, password=PASSWORD, retry=Clock().retry()):
            pass


async def test_a_named_authority_is_believed(url, certificate):
    target = Target(url, USER, ca_file=certificate / "cert.pem")
    async with connect(target, password=PASSWORD) as client:
        assert client.user == USER


async def test_a_certificate_of_another_host_is_refused_even_then(url, certificate):
    target = Target(url.replace("localhost", "127.0.0.1"), USER, ca_file=certificate / "cert.pem")
    with pytest.raises(errors.ServerUnreachable, match="its certificate is not valid"):
        async with connect(target, password=PASSWORD, retry=Clock().retry()):
            pass
