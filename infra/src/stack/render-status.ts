import type { Known, StackStatus } from './status.js'

/** The status as text for a terminal, one block per subject. */
export function renderStatus(status: StackStatus, now: number = Date.now()): string {
  const blocks = [
    block('PROCESSES', processRows(status, now), 'nothing is running; start it with: lethe up'),
    measured('TOPICS', status.topics, (rows) =>
      rows.map(({ topic, partitions, records }) => [topic, `${partitions} partitions`, `${records} records`]),
    ),
    measured('CONSUMER LAG', status.lags, (rows) =>
      rows.map(({ group, topic, lag, state }) => [
        group,
        topic,
        lag === 'unknown' ? 'lag unknown' : `${lag} behind`,
        state,
      ]),
    ),
    measured('REPLICATION SLOTS', status.slots, (rows) =>
      rows.map(({ slot, active, lagBytes, walStatus }) => [
        slot,
        active ? 'read' : 'not read',
        lagBytes === null ? 'lag unknown' : `${lagBytes} bytes behind`,
        `wal_status ${walStatus ?? 'unknown'}`,
      ]),
    ),
    measured('OUTBOX CONNECTOR', status.outboxConnector, (state) => [[state]]),
    gates(status),
    measured("LETHE'S OWN DATABASE", status.self, (line) => [[line]]),
  ]
  return blocks.join('\n\n')
}

const gates = ({ gates: found }: StackStatus): string =>
  found.known
    ? block(
        'GATES',
        found.value.map(({ systemId, state, why }) => [systemId, state, why ?? '']),
        'no gate was ever shut',
      )
    : block('GATES', [], `unknown: ${found.why}`)

function processRows({ processes }: StackStatus, now: number): string[][] {
  return processes.map(({ name, state, pid, ports, startedAt }) => [
    name,
    state,
    `pid ${pid}`,
    `port ${ports.join(', ')}`,
    `${Math.round((now - startedAt) / 1000)} s`,
  ])
}

function measured<T>(title: string, measurement: Known<T>, rows: (value: T) => string[][]): string {
  return measurement.known
    ? block(title, rows(measurement.value), 'none')
    : block(title, [], `unknown: ${measurement.why}`)
}

function block(title: string, rows: string[][], whenEmpty: string): string {
  if (rows.length === 0) return `${title}\n  ${whenEmpty}`
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  )
  const lines = rows.map(
    (row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`,
  )
  return [title, ...lines.map((line) => line.trimEnd())].join('\n')
}
