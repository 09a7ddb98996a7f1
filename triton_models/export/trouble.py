"""What ends an export, in a sentence that names the remedy."""


class ExportError(RuntimeError):
    """A checkpoint that cannot become a model folder; the text says why and what to do."""


class Differs(ExportError):
    """A model folder that was made and does not answer as the framework's model does."""
