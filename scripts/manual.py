#!/usr/bin/env python3
"""Writes a manual page for the program and for each of its commands: manual.py PROGRAM FOLDER

What the pages say comes from the program itself: swift-argument-parser's --experimental-dump-help describes commands
and options, and --help has the usage. SOURCE_DATE_EPOCH sets the date.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

# No manual page of its own: `restore help denoise` shows what `restore denoise --help` does.
WITHOUT_PAGE = {"help"}
EXIT_STATUS = [
    ("0", "Everything was done."), ("1", "Some files failed; the others are done, and each failure is named."),
    ("64", "Wrong usage."), ("65", "Invalid data."), ("66", "An input does not exist."),
    ("73", "An output exists or cannot be created."), ("130", "Interrupted."),
]
ENVIRONMENT = [
    ("RESTORE_MODELS", "A folder with models, searched after --models-dir."),
    ("XDG_DATA_HOME", "Models are also looked for in restore/models in this folder; ~/.local/share by default."),
    ("NO_COLOR", "If set, messages have no colors."),
]


def output(program: str, *arguments: str) -> str:
    # Wide, so that no line is broken before the manual's own layout.
    environment = os.environ | {"COLUMNS": "4000", "LC_ALL": "C.UTF-8"}
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True, env=environment).stdout


def escaped(text: str) -> str:
    """Text for roff: hyphens that are minus signs, and no line that begins like a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def paragraphs(text: str) -> list[str]:
    lines = []
    for paragraph in text.strip("\n").split("\n\n"):
        if paragraph.startswith("  "):
            # A table or commands, laid out by hand.
            lines += [".PP", ".nf", escaped(paragraph), ".fi"]
        else:
            lines += [".PP", escaped(paragraph.strip())]
    return lines


def usage(program: str, path: list[str]) -> list[str]:
    """The lines after USAGE."""
    block = output(program, *path, "--help").split("USAGE:", 1)[1].split("\n\n", 1)[0]
    lines = [line.strip() for line in block.split("\n") if line.strip()]
    result = [".SH SYNOPSIS", ".nf"]
    return result + ["\\fB" + escaped(line) + "\\fR" for line in lines] + [".fi"]


def heading(argument: dict) -> str:
    value = "\\fI<" + escaped(argument.get("valueName", "value")) + ">\\fR"
    if argument["kind"] == "positional":
        return value + (" ..." if argument["isRepeating"] else "")
    names = []
    for name in sorted(argument["names"], key=lambda name: name["kind"] == "long"):
        dashes = "--" if name["kind"] == "long" else "-"
        names.append("\\fB" + escaped(dashes + name["name"]) + "\\fR")
    return ", ".join(names) + (" " + value if argument["kind"] == "option" else "")


def description(argument: dict) -> str:
    text = " ".join(argument.get(key, "") for key in ("abstract", "discussion")).strip()
    values = argument.get("allValues")
    if values and argument["kind"] == "option":
        text += f" One of: {', '.join(values)}."
    if argument.get("defaultValue") not in (None, "") and "(default:" not in text:
        text += f" (default: {argument['defaultValue']})"
    return escaped(text.strip() or "See above.")


def arguments(command: dict) -> list[str]:
    shown = [argument for argument in command.get("arguments", []) if argument["shouldDisplay"]]
    lines = []
    for title, isWanted in (("ARGUMENTS", True), ("OPTIONS", False)):
        chosen = [argument for argument in shown if (argument["kind"] == "positional") == isWanted]
        if chosen:
            lines.append(f".SH {title}")
        for argument in chosen:
            lines += [".TP", heading(argument), description(argument)]
    return lines


def page(program: str, version: str, date: str, path: list[str], command: dict) -> str:
    name = "-".join(["restore", *path])
    commands = [c for c in command.get("subcommands", []) if c["shouldDisplay"] and c["commandName"] not in WITHOUT_PAGE]
    lines = [f'.TH "{escaped(name.upper())}" 1 "{date}" "restore {version}" "restore"']
    lines += [".SH NAME", f"{escaped(name)} \\- {escaped(command['abstract'].strip().rstrip('.'))}"]
    lines += usage(program, path)
    lines += [".SH DESCRIPTION", escaped(command["abstract"].strip())]
    # The exit codes have a section of their own.
    parts = [part for part in command.get("discussion", "").split("\n\n") if not part.startswith("Exit codes:")]
    if parts and parts != [""]:
        lines += paragraphs("\n\n".join(parts))
    if commands:
        lines.append(".SH COMMANDS")
        for child in commands:
            lines += [".TP", f"\\fB{escaped(name + '-' + child['commandName'])}\\fR(1)", escaped(child["abstract"])]
    lines += arguments(command)
    for title, rows in (("EXIT STATUS", EXIT_STATUS), ("ENVIRONMENT", ENVIRONMENT)):
        lines.append(f".SH {title}")
        for term, text in rows:
            lines += [".TP", f"\\fB{term}\\fR", escaped(text)]
    parents = ["restore", *path][:-1]
    related = ["-".join(parents)] if parents else [f"{name}-{c['commandName']}" for c in commands]
    lines += [".SH SEE ALSO", ", ".join(f"\\fB{escaped(other)}\\fR(1)" for other in related)]
    return "\n".join(lines) + "\n"


def main() -> None:
    program, folder = sys.argv[1], Path(sys.argv[2])
    version = output(program, "--version").strip()
    date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
    folder.mkdir(parents=True, exist_ok=True)

    def write(path: list[str], command: dict) -> None:
        name = "-".join(["restore", *path]) + ".1"
        (folder / name).write_text(page(program, version, date, path, command), encoding="utf-8")
        for child in command.get("subcommands", []):
            if child["commandName"] not in WITHOUT_PAGE:
                write([*path, child["commandName"]], child)

    write([], json.loads(output(program, "--experimental-dump-help"))["command"])


if len(sys.argv) != 3:
    sys.exit(f"usage: {sys.argv[0]} PROGRAM FOLDER")
main()
