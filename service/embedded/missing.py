"""What this machine lacks, said in one sentence."""

from service.domain.errors import PrereadError


class Missing(PrereadError):
    """This machine lacks something an embedded part needs; the text is one sentence that names the remedy."""
