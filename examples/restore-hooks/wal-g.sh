#!/bin/sh
# Restores a PostgreSQL with WAL-G and shuts it before its first start.
#   wal-g.sh SYSTEM DATA_DIRECTORY [BACKUP, or LATEST]
# WAL-G takes its storage from the environment (WALG_FILE_PREFIX, WALG_S3_PREFIX, …).
# Nothing may start the server before this has ended with 0: keep its unit stopped, and start it after.
set -eu
system=$1
directory=$2
backup=${3:-LATEST}

wal-g backup-fetch "$directory" "$backup"
# The archive is read until a point the operator names; promote, because a shut server that should pause stops.
cat >>"$directory/postgresql.auto.conf" <<CONF
restore_command = 'wal-g wal-fetch "%f" "%p"'
recovery_target_action = 'promote'
CONF
if [ -n "${RECOVERY_TARGET_TIME:-}" ]; then
  echo "recovery_target_time = '$RECOVERY_TARGET_TIME'" >>"$directory/postgresql.auto.conf"
fi
touch "$directory/recovery.signal"

exec lethe restore prepare --system "$system" --data-directory "$directory" \
  --replay-role "${LETHE_REPLAY_ROLE:-lethe_replay}"
