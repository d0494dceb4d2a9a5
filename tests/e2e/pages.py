"""The fenced blocks of the documentation's pages, which tests copy and run."""

import re

from harness import ROOT

FENCE = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


def section(page, heading):
    """The text below a heading of a page, such as "### Go", up to the next one of its level
    or above."""
    text = (ROOT / page).read_text(encoding="utf-8")
    if text.count(f"\n{heading}\n") != 1:
        raise AssertionError(f"{page} has not one heading \"{heading}\"")
    below = text.split(f"\n{heading}\n", 1)[1]
    # A line that begins like a heading may be a comment in a block.
    fences = [match.span() for match in FENCE.finditer(below)]
    level = len(heading) - len(heading.lstrip("#"))
    for found in re.finditer(rf"^#{{1,{level}}} ", below, re.M):
        if not any(start <= found.start() < end for start, end in fences):
            return below[:found.start()]
    return below


def blocks(text):
    """(language, text, file) of each fenced block; file is the name in backquotes with which
    the line before the block ends, as in "`cancel.py`:", or None."""
    found = []
    for match in FENCE.finditer(text):
        before = re.search(r"`([^`\n]+)`:\n\n?$", text[:match.start()])
        found.append((match["language"], match["text"], before[1] if before else None))
    return found
