#!/usr/bin/env python3
"""Writes a log file of JSON lines whose last entry is of now: logs.py ROWS FILE"""

import datetime
import json
import random
import sys

rows, path = int(sys.argv[1]), sys.argv[2]
chance = random.Random(7)
severities = ["DEBUG"] * 3 + ["INFO"] * 12 + ["WARN"] * 3 + ["ERROR"] * 2
bodies = ["request served", "cache miss", "upstream timeout", "payment declined", "login failed", "disk slow"]
now = datetime.datetime.now(datetime.timezone.utc)
with open(path, "w", encoding="utf-8") as out:
    for row in range(rows):
        at = now - datetime.timedelta(milliseconds=(rows - row) * 7200 * 1000 // rows)  # the last two hours
        user = min(int(chance.paretovariate(0.6)), 20000)  # a few users have most of the trouble
        entry = {"_timestamp": at.isoformat(), "severity_text": chance.choice(severities), "user_id": user,
                 "body": chance.choice(bodies), "duration_ms": round(chance.expovariate(0.02), 3)}
        out.write(json.dumps(entry) + "\n")
