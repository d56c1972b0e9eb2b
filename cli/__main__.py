"""`python -m dedup_cli` is the `dedup` command."""

from dedup_cli.main import main

main()
