"""Runs a command and prints its seconds, exit code and peak resident bytes: launch.py COMMAND…

A separate process because the kernel counts the memory that the parent holds when it starts the command; this one holds
little.
"""

import json
import os
import sys
import time

start = time.perf_counter()
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "code": os.waitstatus_to_exitcode(status), "memory": usage.ru_maxrss * 1024}))
