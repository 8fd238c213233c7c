"""Files into the File entity: each content once, compared with what was stored.

    with Uploads(client, state_folder) as uploads:
        stored = await uploads.ensure([Wanted(Path("images/a.jpg"), folder="shop/images")])
        foreseen = await uploads.foresee([…])       # a plan: only looks, sends nothing

`Wanted` says what shall stand there, `Stored` what became of it, position by position: an id to link, and
whether it was uploaded, reused, failed or (foreseen) is missing. A file that cannot be used is no exception
but a `Flaw`: a code of `problems.CATALOGUE` and the facts that its sentence needs; whoever knows the row
makes the `Problem`. Each content is uploaded at most once in a run, however many ask for it; calls may be
of any size, and one call with many files is the cheapest, since hashes are looked up in bulk.

`files_below` resolves what a cell says below a base folder, `files_in` lists a folder with all below it;
nothing outside is ever returned.
"""

from etl.files.local import files_below, files_in
from etl.files.remembering import STEADY_NS
from etl.files.uploads import Uploads
from etl.files.wanted import Address, Counts, FileStatus, Flaw, Rules, Share, Stored, Wanted

__all__ = [
    "STEADY_NS",
    "Address",
    "Counts",
    "FileStatus",
    "Flaw",
    "Rules",
    "Share",
    "Stored",
    "Uploads",
    "Wanted",
    "files_below",
    "files_in",
]
