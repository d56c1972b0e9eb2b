"""What every page needs, loaded by being imported: by the process that workers come from, once for all."""

import gc

from dedup.forest import Model, load
from dedup.lexicon import lexicon
from dedup.pipeline import clean

for _language in ("en", "ja"):
    lexicon(_language)
for _model in Model:
    load(_model)
# Parsers load parts of themselves with the first page. This one is so long that trafilatura does not turn
# to its other extractors: their word lists take .2 s, and few pages need them.
_prose = "The harbour market opens at seven, and boats from the islands land their fish on the quay. "
clean(f"<html><title>-</title><body>{f'<p>{3 * _prose}</p>' * 3}")
# Collected in every worker, it would be copied to each.
gc.freeze()
