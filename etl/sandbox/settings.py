"""What the server says about itself: settings, and the user who signed in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.sandbox.instance import USER_ID, USER_NAME

if TYPE_CHECKING:
    from etl.sandbox.instance import Session
    from etl.sandbox.metadata import JsonObject

MAX_UPLOAD_MIB = 64


def settings(session: Session) -> JsonObject:
    """Return `GET /Settings`."""
    languages = session.instance.languages
    return {
        "isMultilangActive": bool(languages),
        "inputLanguageList": [*languages],
        "mainLanguage": "en_US",
        "locale": "main",
        "thousandSeparator": ",",
        "decimalMark": ".",
        "siteUrl": session.site,
        "chunkFileSize": 2,
        "fileUploadStreamCount": 3,
        "massUpdateMaxCountWithoutJob": 200,
        "checkForConflicts": session.instance.checks_conflicts,
        "applicationName": "AtroCore sandbox",
        "coreVersion": session.generation.version,
    }


def signed_in(session: Session, *, token: str, shown: str, address: str) -> JsonObject:
    """Return the whole answer of a sign-in."""
    user: JsonObject = {
        "id": USER_ID,
        "name": USER_NAME,
        "deleted": False,
        "type": "Token",
        "userName": "admin",
        "firstName": "",
        "lastName": USER_NAME,
        "isActive": True,
        "isAdmin": True,
        "token": token,
        "ipAddress": address,
        "teamsIds": [],
        "teamsNames": {},
    }
    scopes: JsonObject = {
        name: {"create": "yes", "read": "all", "edit": "all", "delete": "all"}
        for name in session.instance.schema.entities
    }
    return {
        "user": user,
        "acl": {"table": {**scopes}, "fieldTable": {}},
        "preferences": {},
        "token": token,
        "settings": settings(session),
        "language": "en_US",
        "appParams": {"maxUploadSize": MAX_UPLOAD_MIB},
        "authorizationToken": shown,
    }
