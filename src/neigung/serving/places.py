"""Where the service keeps its things, unless it is told otherwise."""

SNAPSHOTS = "snapshots"
KEYS = ".neigung/keys.json"
LOG = "sqlite:///.neigung/decisions.db"
LOG_KEY = ".neigung/log.key"

LOG_KEY_VARIABLE = "NEIGUNG_LOG_KEY"
"""The environment variable that may hold the log's secret instead of the file."""
