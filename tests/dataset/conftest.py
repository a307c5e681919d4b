"""What tests of data sets share."""

from tiny_models import model_directory

__all__ = ["model_directory"]
