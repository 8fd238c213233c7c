"""Starting a sandbox: for a command, and in a thread for blocking callers."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import TYPE_CHECKING

from etl.sandbox.generations import GENERATIONS
from etl.sandbox.options import Options
from etl.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


async def serve(options: Options, *, say: Callable[[str], None]) -> None:
    """Run until cancelled or terminated; `say` gets a line when it listens, and one more in 2.2 and 2.3.

    Raises:
        OSError: it cannot listen there.
        FileExistsError: the snapshot to write, or the database to start from a snapshot, exists.
        ValueError: the metadata file is no Metadata answer.
    """
    if options.snapshot is not None and options.snapshot.exists():
        raise FileExistsError(options.snapshot)
    sandbox = Sandbox(options)
    ended = asyncio.Event()
    try:
        await sandbox.start()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
        say(f"sandbox ready at {sandbox.url}  user {sandbox.username}  password {sandbox.password}")
        if not GENERATIONS[options.generation].recorded:
            say(f"AtroCore {options.generation} is made from documentation; recorded are 1.10 and 2.1.")
        await ended.wait()
    finally:
        await sandbox.stop()


@contextlib.contextmanager
def run_in_thread(options: Options | None = None, **fields: object) -> Iterator[Sandbox]:
    """Run a sandbox in a thread of its own; `fields` are those of Options."""
    sandbox = Sandbox(options or Options(**fields))  # type: ignore[arg-type]  # the dataclass takes its own fields
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(sandbox.start(), loop).result()
        yield sandbox
    finally:
        asyncio.run_coroutine_threadsafe(sandbox.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
