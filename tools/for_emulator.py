"""Leaves out of a template what the local AWS of `make test-deploy` does not know, and prints the rest.

usage: tools/for_emulator.py TEMPLATE > OTHER

It knows no named queries of Athena, and only alarms on one metric. What is left out is told on standard error, so that
nobody takes it for tested. The dashboard loses the lines that name what is left out.
"""

import sys

import yaml


def entry(mapping, name):
    """The value of a key of a map, or None."""
    pairs = mapping.value if isinstance(mapping, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def is_unknown(resource):
    kind = entry(resource, "Type").value
    on_expression = kind == "AWS::CloudWatch::Alarm" and entry(entry(resource, "Properties"), "Metrics") is not None
    return kind == "AWS::Athena::NamedQuery" or on_expression


def without_lines(text, names):
    """A dashboard without the alarms of these names. They are never the last of their list."""
    return "".join(line for line in text.splitlines(True) if not any(f"${{{name}.Arn}}" in line for name in names))


def scalars(node):
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from scalars(item)
    else:
        for _, value in node.value:
            yield from scalars(value)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        template = yaml.compose(file)
    resources = entry(template, "Resources")
    unknown = [key.value for key, resource in resources.value if is_unknown(resource)]
    resources.value = [(key, resource) for key, resource in resources.value if key.value not in unknown]
    for key, resource in resources.value:
        if entry(resource, "Type").value == "AWS::CloudWatch::Dashboard":
            for scalar in scalars(resource):
                scalar.value = without_lines(scalar.value, unknown)
    print(f"left out, as the local AWS does not know it: {', '.join(unknown)}", file=sys.stderr)
    yaml.serialize(template, sys.stdout, width=10**6)


if __name__ == "__main__":
    main()
