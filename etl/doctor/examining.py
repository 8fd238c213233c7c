"""Looks at an instance without writing anything."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from etl.api import Condition, Operator, wire
from etl.api.where import equals
from etl.doctor.findings import Finding, note, ok, warning
from etl.doctor.needs import Need, check_rights
from etl.errors import RequestFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from etl.api import Client

CLOCK_DIFFERS = timedelta(seconds=60)
JOB_WAITS = timedelta(minutes=10)
"""AtroCore starts jobs every minute; one that is due for this long is not being started."""
SLOW_S = 1.0
TRIES = 3


async def examine(
    client: Client,
    metadata: Mapping[str, object],
    *,
    needs: Sequence[Need],
    now: Callable[[], datetime],
    timer: Callable[[], float],
) -> list[Finding]:
    """Return what was found, in the order in which a person would ask. Nothing is written.

    What a server refuses to tell becomes a note; it ends nothing.

    Args:
        metadata: the raw Metadata answer.
        needs: the rights to look for; empty: rights are not looked at.
        now: the time here, with its zone.
        timer: seconds of a clock that never goes back.

    Raises:
        NoAccess: the token was refused meanwhile.
    """
    findings = [*_identity(client), *_transport(client.url)]
    findings += await _time(client, now=now, timer=timer)
    findings += _told(client)
    findings += await _jobs(client, metadata, now=now)
    if needs:
        findings += check_rights(needs, client.session)
        findings += _archives(needs, metadata)
    return findings


def _identity(client: Client) -> list[Finding]:
    generation = client.generation.name
    version = f"AtroCore {client.version}" if client.version else "AtroCore, its version not told"
    return [
        ok("sign_in", f"signed in at {client.url} as {client.user or 'the owner of the token'}"),
        ok("version", f"{version}; spoken to as {generation}"),
    ]


def _transport(url: str) -> list[Finding]:
    parts = urlsplit(url)
    if parts.scheme == "https" or _is_here(parts.hostname or ""):
        return []
    return [
        warning(
            "transport",
            f"{url} is not encrypted: password, token and data can be read on the way",
            advice="Use https.",
        )
    ]


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _time(client: Client, *, now: Callable[[], datetime], timer: Callable[[], float]) -> list[Finding]:
    seconds, date = [], ""
    request = wire.list_records("User", select=("id",), max_size=1)
    for _ in range(TRIES):
        began = timer()
        try:
            date = (await client.send(request)).date
        except RequestFailed as failure:
            return [_not_seen("speed", failure)]
        seconds.append(timer() - began)
    usual = median(seconds)
    if usual > SLOW_S:
        speed = warning(
            "speed",
            f"a small request takes {usual:.1f} s",
            advice="Look at the server's load; imports send many requests.",
        )
    else:
        speed = ok("speed", f"a small request takes {usual * 1000:.0f} ms")
    return [speed, *_clock(date, now())]


def _clock(date: str, here: datetime) -> list[Finding]:
    try:
        difference = parsedate_to_datetime(date) - here
    except ValueError:
        return [note("clock", "the server does not tell its time")]
    if abs(difference) <= CLOCK_DIFFERS:
        return [ok("clock", "both clocks agree")]
    seconds = round(difference.total_seconds())
    return [
        warning(
            "clock",
            f"the server's clock is {abs(seconds)} s {'ahead of' if seconds > 0 else 'behind'} ours",
            advice="Set both by a time server: who changed a record when is told by the server's clock.",
        )
    ]


def _told(client: Client) -> list[Finding]:
    """Say what follows from what the server told at the sign-in."""
    session, limits = client.session, client.limits
    findings = []
    if session.keeps_history:
        findings.append(
            warning(
                "history",
                "every record we write is written once more into the action history",
                advice="Switch it off for this user in AtroCore (Disable Action History): it costs time.",
            )
        )
    if session.checks_conflicts is False:
        findings.append(
            warning(
                "conflicts",
                "the server does not check whether a record was changed meanwhile",
                advice="Switch on Check For Conflicts in AtroCore's settings.",
            )
        )
    if session.max_upload_mib is not None:
        most = session.max_upload_mib * 1024 * 1024
        what = f"PHP takes requests of up to {session.max_upload_mib} MiB"
        if most < limits.batch_bytes:
            advice = f"Set batch_bytes = {most * 9 // 10} under [limits] in atro-etl.toml."
            findings.append(warning("size", what, advice=advice))
        else:
            findings.append(ok("size", f"{what}, ours have at most {limits.batch_bytes / 1e6:.1f} MB"))
    return findings


async def _jobs(
    client: Client, metadata: Mapping[str, object], *, now: Callable[[], datetime]
) -> list[Finding]:
    """Look for jobs that are due and wait: nobody starts them. Source: api-contract §9.4; observations."""
    entities = metadata.get("entityDefs")
    # 1.10 keeps its jobs in QueueItem, which knows no time of execution.
    is_old = isinstance(entities, dict) and "QueueItem" in entities
    entity, due = ("QueueItem", "createdAt") if is_old else ("Job", "executeTime")
    where = [
        equals("status", "Pending"),
        Condition(Operator.LESS_THAN, due, (now() - JOB_WAITS,)),
    ]
    try:
        waiting = await client.total(entity, where)
    except RequestFailed as failure:
        return [_not_seen("jobs", failure)]
    if not waiting:
        return [ok("jobs", "no background job waits")]
    minutes = JOB_WAITS.seconds // 60
    return [
        warning(
            "jobs",
            f"{waiting} background job{'s' if waiting > 1 else ''} waited for more than {minutes} minutes",
            advice="AtroCore's cron may not be running: inherited values and mass actions would never come.",
        )
    ]


def _archives(needs: Sequence[Need], metadata: Mapping[str, object]) -> list[Finding]:
    """Say which entities hide archived records from lists. Source: api-contract §4."""
    scopes = metadata.get("scopes")
    known = scopes if isinstance(scopes, dict) else {}
    hiding = [
        need.entity
        for need in needs
        if isinstance(scope := known.get(need.entity), dict) and scope.get("hasArchive")
    ]
    if not hiding:
        return []
    names = ", ".join(hiding)
    advice = "A row whose record was archived is created once more: take it out of the archive first."
    return [note("archive", f"archived records of {names} are not in lists", advice=advice)]


def _not_seen(code: str, failure: RequestFailed) -> Finding:
    return note(code, f"could not be looked at: {failure}")
