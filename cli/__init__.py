"""The `dedup` command. Each command is one call into the library, plus printing."""

import gc
import sys
from contextlib import suppress

# The commands whose worker processes take longer to load than the program.
_WORKING = {"clean", "learn"}


def start() -> None:
    """Be the `dedup` program.

    It is loaded here and not above, because worker processes load the script that calls this.
    """
    try:
        if _WORKING & set(sys.argv[1:2]):
            from dedup import workers  # noqa: PLC0415

            with suppress(OSError):  # that there can't be processes is told when one is wanted
                workers.prepare()
        from dedup_cli.main import main  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(130)
    try:
        main()
    finally:
        gc.freeze()  # else all that was loaded is searched for cycles before the process may end, for .1 s
