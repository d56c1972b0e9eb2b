"""What every page needs, loaded by being imported: by the process that workers come from, once for all."""

from dedup.forest import load
from dedup.lexicon import lexicon
from dedup.pipeline import clean
from dedup.types import Media

for _language in ("en", "ja"):
    lexicon(_language)
for _media in Media:
    load(_media)
# Parsers load parts of themselves with the first page.
clean("<html><title>-</title><p>The harbour market opens at seven.</p></html>")
