"""The words of clips, which PostgreSQL keeps for the search.

The functions are in migration 0023: they fold case and accents, so they need neither an extension
nor a configuration. `library.search` folds the words of queries in the same way.
"""

from django.contrib.postgres.search import SearchVectorField
from django.db.models import Func

# Words of the title weigh most, then those of tags and creator, then those of the description.
CLIP_WORDS = Func(
    "title",
    "tags",
    "creator",
    "description",
    function="library_clip_words",
    output_field=SearchVectorField(),
)
# The words of a single text. The log of changes has an index of them.
NAME_WORDS = Func("object_repr", function="library_words", output_field=SearchVectorField())
