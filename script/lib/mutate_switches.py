"""All changes to a file in one text, each behind a switch: one build serves them all.

A change of an expression becomes (SWITCH(n) ? changed : original), one that leaves a call
out becomes an if. Which n is chosen says the environment variable MUTATE when the program
starts. What must be constant (enumerators, cases, statics, sizes) has no switch.
"""

import re

PRECEDENCE = {"*": 10, "/": 10, "%": 10, "+": 9, "-": 9, "<<": 8, ">>": 8, "<": 7, ">": 7,
              "<=": 7, ">=": 7, "==": 6, "!=": 6, "&": 5, "^": 4, "|": 3, "&&": 2, "||": 1}
ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
ENDS = {";", ",", "?", ":", "{", "}"} | ASSIGNMENTS
KEYWORDS = {"return", "case", "goto", "else", "do"}

PRELUDE = ("extern char *getenv(const char *); extern int atoi(const char *); "
           "static int switch_chosen; "
           "__attribute__((constructor)) static void switch_choose(void) "
           "{ const char *text = getenv(\"MUTATE\"); "
           "switch_chosen = text == (void *)0 ? 0 : atoi(text); }\n"
           "#define SWITCH(n) (switch_chosen == (n))\n#line 1\n")


def ends_operand(token):
    return (token.kind in ("number", "char", "string") or token.text in (")", "]")
            or token.kind == "name" and token.text not in KEYWORDS)


def precedence_at(tokens, i):
    """Of the binary operator at i; None if there is none."""
    if tokens[i].kind != "sign" or i == 0 or not ends_operand(tokens[i - 1]):
        return None
    return PRECEDENCE.get(tokens[i].text)


def left_end(tokens, at, least):
    """The first token of the left operand of the operator at index at, whose chain binds as
    strongly as least at least."""
    depth = 0
    for i in range(at - 1, -1, -1):
        text = tokens[i].text if tokens[i].kind in ("sign", "name") else ""
        if text in (")", "]"):
            depth += 1
        elif text in ("(", "["):
            if depth == 0:
                return i + 1
            depth -= 1
        elif depth == 0:
            if text in ENDS or text in KEYWORDS:
                return i + 1
            binds = precedence_at(tokens, i)
            if binds is not None and binds < least:
                return i + 1
    return 0


def right_end(tokens, at, most, ends=frozenset(ENDS)):
    """The last token of the right operand: before what binds as weakly as most, or ends it."""
    depth = 0
    for i in range(at + 1, len(tokens)):
        text = tokens[i].text if tokens[i].kind in ("sign", "name") else ""
        if text in ("(", "["):
            depth += 1
        elif text in (")", "]"):
            if depth == 0:
                return i - 1
            depth -= 1
        elif depth == 0:
            if text in ends:
                return i - 1
            binds = precedence_at(tokens, i)
            if binds is not None and binds <= most and i > at + 1:
                return i - 1
    return len(tokens) - 1


def constant_places(tokens, closing):
    """The indexes of tokens that are outside functions or must be constant."""
    fixed = set()
    i = depth = 0
    while i < len(tokens):
        text = tokens[i].text
        if depth == 0 and text == "{" and tokens[i - 1].text == ")":
            depth = 1
        elif depth > 0 and text == "{":
            depth += 1
        elif depth > 0 and text == "}":
            depth -= 1
        if depth == 0:
            fixed.add(i)
        elif text == "case":
            while tokens[i].text != ":":
                fixed.add(i)
                i += 1
        elif text == "static":
            while tokens[i].text != ";":
                fixed.add(i)
                i += 1
        elif text == "enum" and any(t.text == "{" for t in tokens[i + 1:i + 3]):
            at = i + 1 if tokens[i + 1].text == "{" else i + 2
            end = closing(tokens, at)
            fixed.update(range(i, end + 1))
            i = end
        i += 1
    return fixed


def span_of(tokens, mutant, first, last, closing):
    """The tokens that the switch of a change goes around; None if it needs none."""
    if mutant.kind == "call" or first != last:  # a call, or the condition of an if
        return first, last
    text = tokens[first].text
    if text == "!":
        return first, right_end(tokens, first, 10)
    if text in ASSIGNMENTS:
        return left_end(tokens, first, 0), right_end(tokens, first, -1, {";", ","})
    if text in PRECEDENCE:
        binds = PRECEDENCE[text]
        return left_end(tokens, first, binds), right_end(tokens, first, binds)
    return first, last  # a constant


def switched(text, tokens, numbered, closing):
    """The text with a switch for each of numbered, {mutant: number}, and those it has none
    for."""
    index_at = {token.start: i for i, token in enumerate(tokens)}
    end_at = {token.end: i for i, token in enumerate(tokens)}
    fixed = constant_places(tokens, closing)
    edits, left = [], []
    for mutant, number in numbered.items():
        first, last = index_at[mutant.start], end_at[mutant.end]
        if first in fixed:
            left.append(mutant)
            continue
        a, b = span_of(tokens, mutant, first, last, closing)
        start, end = tokens[a].start, tokens[b].end
        changed = text[start:mutant.start] + mutant.new + text[mutant.end:end]
        if mutant.kind == "call":
            before, after = f"if (!SWITCH({number})) {{ ", " }"
        else:
            one_line = re.sub(r"\s+", " ", re.sub(r"//[^\n]*", "", changed))
            before, after = f"(SWITCH({number}) ? ({one_line}) : (", "))"
        edits.append((start, end, before, after))
    # From the outside in; equal spans nest in the order they come.
    opening, ending = {}, {}
    for start, end, before, after in sorted(edits, key=lambda e: (e[0], -e[1])):
        opening.setdefault(start, []).append(before)
        ending.setdefault(end, []).insert(0, after)
    out, at = [], 0
    for place in sorted(set(opening) | set(ending)):
        out.append(text[at:place])
        out += ending.get(place, [])
        out += opening.get(place, [])
        at = place
    return PRELUDE + "".join(out) + text[at:], left
