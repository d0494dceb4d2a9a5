"""Where servers under measurement keep their stores."""

import contextlib
import os
import shutil
import tempfile


@contextlib.contextmanager
def folder(root):
    """A new folder under .cache of the checkout, whose disk is no tmpfs; removed at the end."""
    cache = os.path.join(root, ".cache")
    os.makedirs(cache, exist_ok=True)
    path = tempfile.mkdtemp(prefix="bench-", dir=cache)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
