"""The table: as text for the terminal, as Markdown for the documentation."""

PEERS = ["PyTorch", "ONNX Runtime", "OpenVINO", "ncnn"]
HEADINGS = ["", "ms", "GFLOP/s", "of sgemm", *[f"{peer} ms" for peer in PEERS], "best peer / ours"]


# A row is marked if other processes used more than this share of the CPU time.
DISTURBED = 0.1


def milliseconds(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    value = seconds * 1e3
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cells(row: dict) -> list[str]:
    share = row["share_of_sgemm"]
    return [
        row["name"] + (" *" if row.get("foreign", 0) > DISTURBED else ""), milliseconds(row["seconds"]),
        f"{row['gflops']:.0f}" if row["gflops"] else "–", f"{share:.0%}" if share else "–",
        *[milliseconds(row["peers"].get(peer)) for peer in PEERS],
        f"{row['ratio']:.2f}" if row["ratio"] else "–",
    ]


def text(rows: list[dict]) -> str:
    table = [HEADINGS, *map(cells, rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS))]
    return "\n".join(line_of_text(line, widths) for line in table)


def line_of_text(line: list[str], widths: list[int]) -> str:
    name, *figures = line
    return "  ".join([name.ljust(widths[0]), *[cell.rjust(width) for cell, width in zip(figures, widths[1:])]])


def streaming_widths(names: list[str]) -> list[int]:
    """Widths for rows that are printed before the later ones are known."""
    return [max(len(name) + 2 for name in names), *[max(9, len(heading)) for heading in HEADINGS[1:]]]


def markdown(report: dict) -> str:
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" + "--:|" * (len(HEADINGS) - 1)]
    for row in report["rows"]:
        _, *figures = cells(row)
        mark = " \\*" if row.get("foreign", 0) > DISTURBED else ""
        lines.append("| " + " | ".join([f"`{row['name']}`{mark}", *figures]) + " |")
    return "\n".join([*lines, "", *[f"- {note}" for note in footnotes(report)]])


def footnotes(report: dict) -> list[str]:
    rows = {row["name"]: row for row in report["rows"]}
    notes = [f"{report['processor']}, CPUs {report['cpus']}, 2 threads; kernels of restore: {report['kernels']}"]
    if report.get("sgemm"):
        notes.append("sgemm, the fastest available: " + ", ".join(
            f"{entry['source']} {entry['gflops']:.0f} GFLOP/s" for entry in report["sgemm"]))
    if report.get("versions"):
        notes.append("peers: " + ", ".join(f"{name} {version}" for name, version in report["versions"].items()))
    notes += [f"{name} is missing: {reason}" for name, reason in report.get("missing", {}).items()]
    if disturbed := [row["foreign"] for row in report["rows"] if row.get("foreign", 0) > DISTURBED]:
        notes.append(f"* other processes used up to {max(disturbed):.0%} of the CPU time while this row was measured")
    notes += program_notes(rows)
    for row in report["rows"]:
        if "peer_memory" in row:
            notes.append(
                f"{row['name']}: peak resident memory {row['memory'] / 2**20:.0f} MiB, PyTorch "
                f"{row['peer_memory'] / 2**20:.0f} MiB "
                f"({row['peer_memory_at_start'] / 2**20:.0f} MiB after importing it)")
    return notes


def program_notes(rows: dict[str, dict]) -> list[str]:
    def seconds(size: str) -> float | None:
        return rows.get(f"restore.denoise.{size}", {}).get("seconds")

    notes = []
    if (one := seconds("2mp.1-thread")) and (two := seconds("2mp")):
        notes.append(f"restore denoise, 2 MP: two threads / one thread = {two / one:.2f}")
    if (large := seconds("24mp")) and (small := seconds("2mp")):
        notes.append(f"restore denoise: 24 MP / (12 × 2 MP) = {large / (12 * small):.2f}")
    for name, row in rows.items():
        if row.get("megapixels_per_second"):
            notes.append(f"{name}: {row['megapixels_per_second']:.2f} megapixels/s, peak resident memory "
                         f"{row['memory'] / 2**20:.0f} MiB")
    return notes
