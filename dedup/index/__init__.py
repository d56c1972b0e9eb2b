"""The live index: what is known of an article, in milliseconds, in a file or in Redis.

`core` is the index as users see it, `matching` decides, `store` is what both stores do, `sqlite` and
`redis` keep. In the file `postings` is how keys lie on disk, `tree` looks them up there and `filter` says
from memory which are not there.
"""

from dedup.index.core import Index, record
from dedup.index.store import StoreError

__all__ = ["Index", "StoreError", "record"]
