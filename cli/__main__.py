"""`python -m dedup_cli` is the `dedup` command."""

from dedup_cli import start

start()
