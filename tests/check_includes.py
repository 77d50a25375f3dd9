#!/usr/bin/env python3
"""Fails when a file of src/ includes against the direction of docs/architecture.md, or a vendor header outside its folder."""

import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parent.parent / "src"

# Folder: what it may include besides itself.
ARROWS = {
    "base": [],
    "batch": ["base"],
    "format": ["base", "batch"],
    "options": ["base"],
    "telemetry": ["base"],
    "state": ["base"],
    "plan": ["base"],
    "connector": ["base", "batch", "options", "telemetry", "state", "plan"],
    "connectors": ["base", "batch", "options", "telemetry", "plan", "connector"],
    "lake": ["base", "batch", "options", "telemetry"],
    "engine": ["base", "batch", "options", "telemetry", "plan", "connector", "lake"],
    "sync": ["base", "batch", "options", "telemetry", "state", "plan", "connector", "lake"],
    "server": ["base", "batch", "format", "options", "telemetry", "connector", "engine", "sync"],
    "cli": ["base", "batch", "format", "options", "telemetry", "state", "connector", "connectors", "lake", "engine", "sync", "server"],
}

# Vendor header: the only folders that may include it.
VENDORS = {
    r"duckdb(\.hpp|/)": ["engine"],
    r"boost/(beast|asio)": ["server"],
    r"libpq-fe\.h|libpq/": ["connectors/postgres", "cli"],
    r"sqlite3\.h": ["state"],
    r"prometheus/|spdlog/": ["telemetry"],
    r"curl/": ["cli"],
    r"CLI/": ["cli"],
}

# Tests may also use what stands above their folder, to see it work in place.
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^">]+)[">]', re.M)


def folder_of(path: pathlib.Path) -> str:
    return path.relative_to(SOURCE).parts[0]


def violations(path: pathlib.Path):
    folder = folder_of(path)
    is_test = "test" in path.stem or "fixture" in path.stem
    for target in INCLUDE.findall(path.read_text()):
        top = target.split("/")[0]
        if (SOURCE / target).exists() and top != folder and top not in ARROWS[folder] and not is_test:
            yield f"{path.relative_to(SOURCE)}: {folder}/ may not include {target}"
        for vendor, allowed in VENDORS.items():
            here = str(path.relative_to(SOURCE).parent)
            if re.match(vendor, target) and not any(here == a or here.startswith(a + "/") for a in allowed):
                yield f"{path.relative_to(SOURCE)}: {target} belongs into {', '.join(allowed)} only"


def main() -> int:
    files = sorted(p for p in SOURCE.rglob("*") if p.suffix in {".h", ".cc"})
    found = [line for path in files for line in violations(path)]
    unknown = sorted({folder_of(p) for p in files} - ARROWS.keys())
    found += [f"src/{folder}: not in the table of arrows" for folder in unknown]
    print("\n".join(found) if found else f"includes: {len(files)} files follow the arrows")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
