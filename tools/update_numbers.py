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


def main():
    printed = [part for path in PRINTED if path.exists() for part in paragraphs(path.read_text())]
    by_first_line = {part.split("\n")[0]: part for part in printed}

    def updated(block):
        parts = paragraphs(block["text"])
        if not any(part.split("\n")[0] in by_first_line for part in parts):
            return block[0]
        return "```\n" + "\n\n".join(by_first_line.get(part.split("\n")[0], part) for part in parts) + "\n```\n"

    for document in DOCUMENTS:
        text = document.read_text()
        document.write_text(re.sub(r"^```\w*\n(?P<text>.*?)^```\n", updated, text, flags=re.DOTALL | re.MULTILINE))


if __name__ == "__main__":
    main()
