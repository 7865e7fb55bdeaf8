"""Verified updates by The Update Framework (TUF).

A :class:`Session` says which metadata files it needs, verifies what it is
given, and answers which targets may be downloaded. It does no I/O. The two
drivers do: :func:`update` and :func:`download` with urllib, and those of the
same names in :mod:`tufwalk.aio`, which fetch in parallel with asyncio::

    import tufwalk

    store = tufwalk.FolderStore("~/.cache/app/tuf")
    mirror = tufwalk.Mirror("https://example.com/metadata/")
    with tufwalk.Session(trusted_root, store.load_stored()) as session:
        lookup = session.find("app.tar.gz")
        tufwalk.update(session, mirror, store=store)
        target = lookup.target()
        data = tufwalk.download(target, tufwalk.Mirror("https://example.com/targets/"))

The trusted root must come with the program, never from the network.
"""

from .drivers import Progress, download, update
from .errors import (
    ExpiredError,
    InternalError,
    LimitError,
    MistakeError,
    NotAtSourceError,
    NoTargetError,
    RollbackError,
    StoreError,
    SupersededError,
    TufError,
    UncertainError,
    UnreachableError,
    WrongBytesError,
)
from .mirrors import Mirror, Source
from .session import Listing, Lookup, Options, Session, Verifier
from .stores import FolderStore, MemoryStore, Store
from .values import Batch, Record, Rejected, Request, Role, Said, Status, Step, StoredFile, Target

__all__ = [
    "Batch", "ExpiredError", "FolderStore", "InternalError", "LimitError", "Listing", "Lookup", "MemoryStore", "Mirror",
    "MistakeError", "NoTargetError", "NotAtSourceError", "Options", "Progress", "Record", "Rejected", "Request",
    "Role", "RollbackError", "Said", "Session", "Source", "Status", "Step", "Store", "StoreError", "StoredFile",
    "SupersededError", "Target", "TufError", "UncertainError", "UnreachableError", "Verifier", "WrongBytesError",
    "download", "update",
]
