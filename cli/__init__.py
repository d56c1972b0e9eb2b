"""The `dedup` command. Each command is one call into the library, plus printing."""
