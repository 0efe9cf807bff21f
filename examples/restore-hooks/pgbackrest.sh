#!/bin/sh
# Restores a PostgreSQL with pgBackRest and shuts it before its first start.
#   pgbackrest.sh SYSTEM STANZA DATA_DIRECTORY [options of `pgbackrest restore`]
# Nothing may start the server before this has ended with 0: keep its unit stopped, and start it after.
set -eu
system=$1
stanza=$2
directory=$3
shift 3

# A point in time needs --target-action=promote: shut, a server that should pause stops instead.
pgbackrest --stanza="$stanza" --pg1-path="$directory" "$@" restore

exec lethe restore prepare --system "$system" --data-directory "$directory" \
  --replay-role "${LETHE_REPLAY_ROLE:-lethe_replay}"
