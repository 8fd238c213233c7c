"""Every exception: what makes a run impossible or ends it. Raised with facts, they speak here, in one place.

    EtlError
    ├── Unusable                    exit 3: mapping, configuration or source; nothing was sent
    │   ├── SourceMissing
    │   ├── SourceEmpty
    │   ├── SourceUnreadable
    │   ├── FormatUnknown
    │   ├── FormatTooSmall
    │   ├── ConfigurationInvalid
    │   ├── SettingsInvalid
    │   ├── MappingInvalid
    │   ├── FilterInvalid
    │   ├── EntityUnknown
    │   ├── RunUnknown
    │   ├── RunAmbiguous
    │   ├── RunLocked
    │   ├── ResumeRefused
    │   ├── JournalOutdated
    │   ├── JournalDamaged
    │   ├── DiskUnusable
    │   ├── NothingToResume
    │   ├── RetryElsewhere
    │   ├── RetryRefused
    │   ├── PlanRefused
    │   ├── UndoRefused
    │   └── NotAgreed
    ├── NoAccess                    exit 4: cannot reach the server, log in, or no right; nothing was sent
    │   ├── ServerUnreachable
    │   ├── SignInRefused
    │   ├── SignInLocked
    │   ├── RightMissing
    │   └── NotAtroCore
    ├── RequestFailed               one request; the caller decides what it means for the run
    │   ├── NoAnswer                nothing came back: the request may have been carried out
    │   │   ├── TimedOut            no answer in time: the server may be at work on it still
    │   │   └── NotReached          no connection came about: nothing was carried out
    │   ├── ServerFailed            500, 502, 503, 504, 429: the request may have been carried out
    │   ├── AnswerUnusable          an answer that is no JSON, cut or of the wrong length
    │   │   └── DatabaseRefused     an SQL error, which AtroCore answers with status 200
    │   ├── TooLarge                413, 414: nothing was carried out
    │   └── Refused                 400, 403, 404, 409: nothing was carried out
    ├── HeldBack                    exit 6: a guard stopped the run before anything was sent
    │   ├── SourceStale
    │   ├── SourceUnfinished
    │   ├── SourceUnmarked
    │   ├── SourceDamaged
    │   ├── SourceRowless
    │   ├── SourceShrunk
    │   ├── ColumnsBlanked
    │   ├── TooManyAbsent
    │   └── TooManyErrors           before or while it sends
    └── Stopped                     exit 7: after something was sent; `resume` goes on
        ├── ServerGone
        ├── RequestRefused
        ├── AccessLost
        ├── RightsLost
        ├── LockLost
        ├── DiskLost
        ├── AttributesNotKept
        ├── ObjectsNotKept
        └── Interrupted             exit 130 or 143

A bad row is none of these: it is a `Problem`.
"""

from etl.errors.access import NotAtroCore, RightMissing, ServerUnreachable, SignInLocked, SignInRefused
from etl.errors.disk import DiskLost, DiskUnusable, disk_error
from etl.errors.families import EtlError, HeldBack, NoAccess, RequestFailed, Stopped, Unusable
from etl.errors.grouped import ungrouped
from etl.errors.held import (
    ColumnsBlanked,
    SourceDamaged,
    SourceRowless,
    SourceShrunk,
    SourceStale,
    SourceUnfinished,
    SourceUnmarked,
    TooManyAbsent,
    TooManyErrors,
)
from etl.errors.requests import (
    AnswerUnusable,
    DatabaseRefused,
    NoAnswer,
    NotReached,
    Refused,
    ServerFailed,
    TimedOut,
    TooLarge,
)
from etl.errors.stopped import (
    AccessLost,
    AttributesNotKept,
    Interrupted,
    LockLost,
    ObjectsNotKept,
    RequestRefused,
    RightsLost,
    ServerGone,
    stopped_by,
)
from etl.errors.unusable import (
    ConfigurationInvalid,
    EntityUnknown,
    FilterInvalid,
    FormatTooSmall,
    FormatUnknown,
    JournalDamaged,
    JournalOutdated,
    MappingInvalid,
    NotAgreed,
    NothingToResume,
    PlanRefused,
    ResumeRefused,
    RetryElsewhere,
    RetryRefused,
    RunAmbiguous,
    RunLocked,
    RunUnknown,
    SettingsInvalid,
    SourceEmpty,
    SourceMissing,
    SourceUnreadable,
    UndoRefused,
)

__all__ = [
    "AccessLost",
    "AnswerUnusable",
    "AttributesNotKept",
    "ColumnsBlanked",
    "ConfigurationInvalid",
    "DatabaseRefused",
    "DiskLost",
    "DiskUnusable",
    "EntityUnknown",
    "EtlError",
    "FilterInvalid",
    "FormatTooSmall",
    "FormatUnknown",
    "HeldBack",
    "Interrupted",
    "JournalDamaged",
    "JournalOutdated",
    "LockLost",
    "MappingInvalid",
    "NoAccess",
    "NoAnswer",
    "NotAgreed",
    "NotAtroCore",
    "NotReached",
    "NothingToResume",
    "ObjectsNotKept",
    "PlanRefused",
    "Refused",
    "RequestFailed",
    "RequestRefused",
    "ResumeRefused",
    "RetryElsewhere",
    "RetryRefused",
    "RightMissing",
    "RightsLost",
    "RunAmbiguous",
    "RunLocked",
    "RunUnknown",
    "ServerFailed",
    "ServerGone",
    "ServerUnreachable",
    "SettingsInvalid",
    "SignInLocked",
    "SignInRefused",
    "SourceDamaged",
    "SourceEmpty",
    "SourceMissing",
    "SourceRowless",
    "SourceShrunk",
    "SourceStale",
    "SourceUnfinished",
    "SourceUnmarked",
    "SourceUnreadable",
    "Stopped",
    "TimedOut",
    "TooLarge",
    "TooManyAbsent",
    "TooManyErrors",
    "UndoRefused",
    "Unusable",
    "disk_error",
    "stopped_by",
    "ungrouped",
]
