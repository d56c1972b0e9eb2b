"""The `dedup` command. Each command is one call into the library, plus printing."""


def start() -> None:
    """Be the `dedup` program.

    It is loaded here because worker processes load the script that calls this, and would wait for it.
    """
    from dedup_cli.main import main  # noqa: PLC0415

    main()
