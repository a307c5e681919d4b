"""What cannot be used as a model, and why: known without torch, for those who only say so."""


class BadModel(ValueError):
    """A directory or a name that gives no model; the message says what is wrong with it."""


class BadTemplate(ValueError):
    """A chat template that cannot be followed, and what to do."""
