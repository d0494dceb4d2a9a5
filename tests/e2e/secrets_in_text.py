"""Looks for a token in a text, however it is spelled."""

import base64
import random
import re
import string

ALPHABET = string.ascii_letters + string.digits + "-_"
# So much of a token in one piece is worth hiding: half of it.
WINDOW = 22


_random = random.Random(4)  # a half may look like a name, one in thousands


def fake_token():
    """What has a token's form; another each time, the same in each run."""
    return "rst_" + "".join(_random.choice(ALPHABET) for _ in range(43))


def percent_decoded(text):
    """The text with percent forms decoded until there are none."""
    while True:
        decoded = re.sub("%([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), text)
        if decoded == text:
            return text
        text = decoded


def _base64_forms(piece):
    """The characters that the piece's bytes alone decide, in all three alignments."""
    for skipped in range(3):
        for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
            coded = encode(b"\0" * skipped + piece).decode().rstrip("=")
            first = -(-skipped * 8 // 6)
            last = (skipped + len(piece)) * 8 // 6
            yield coded[first:last]


def _forms(piece):
    coded = piece.encode()
    yield "plain", piece
    yield "hex", coded.hex()
    yield "hex", coded.hex(" ")
    for form in _base64_forms(coded):
        yield "base64", form


class Haystack:
    """A text in which many tokens are looked for."""

    def __init__(self, text):
        plain = percent_decoded(text)
        self.texts = {"plain": plain, "lower": plain.lower()}
        self.pieces = {}

    def holds(self, which, piece):
        key = which, len(piece)
        if key not in self.pieces:
            text = self.texts[which]
            self.pieces[key] = {text[i:i + len(piece)]
                                for i in range(len(text) - len(piece) + 1)}
        return piece in self.pieces[key]

    def find(self, token):
        """How half of the token is spelled in the text; None if it is not."""
        body = token.removeprefix("rst_")
        for start in range(len(body) - WINDOW + 1):
            piece = body[start:start + WINDOW]
            for name, form in _forms(piece):
                if self.holds("plain", form):
                    return name
            lower = piece.lower()
            if self.holds("lower", lower) or self.holds("lower", piece.encode().hex()):
                return "plain or hex in another case"
        return None
