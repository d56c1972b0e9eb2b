"""News cleaning and the live index inside other tools; each module is imported only when it is used."""
