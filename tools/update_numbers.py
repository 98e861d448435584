"""Puts what the benches printed last into the documents: every block there that begins as one of theirs is theirs.

usage: update_numbers.py    run by `make numbers`

Numbers in running text are left alone: each names the command that prints it.
"""

import re
from pathlib import Path

PRINTED = [Path(f"target/{bench}/bench.txt") for bench in ("bench", "bench-shards", "bench-local", "bench-feed")]
DOCUMENTS = [Path(name) for name in ("README.md", "docs/performance.md", "docs/feed.md")]


def paragraphs(text):
    """Parts between empty lines, without space behind their lines."""
    return ["\n".join(line.rstrip() for line in part.split("\n")) for part in text.strip("\n").split("\n\n")]


def first_line(part):
    return part.split("\n")[0]


def without_digits(line):
    return re.sub(r"[\d.,]+", "#", line)


def main():
    printed = [part for path in PRINTED if path.exists() for part in paragraphs(path.read_text())]
    exactly = {first_line(part): part for part in printed}
    # Where the first line has a measured number itself.
    but_for_digits = {without_digits(first): part for first, part in exactly.items()}

    def updated(block):
        parts = paragraphs(block["text"])
        found = [exactly.get(first_line(part), but_for_digits.get(without_digits(first_line(part)))) for part in parts]
        if not any(found):
            return block[0]
        return "```\n" + "\n\n".join(new or old for new, old in zip(found, parts)) + "\n```\n"

    for document in DOCUMENTS:
        text = document.read_text()
        document.write_text(re.sub(r"^```\w*\n(?P<text>.*?)^```\n", updated, text, flags=re.DOTALL | re.MULTILINE))


if __name__ == "__main__":
    main()
