/** Why something is not known, in words; a code without words of its own is shown as it is. */
const reasons: Readonly<Record<string, string>> = {
  kafka_unreachable: 'Kafka does not answer',
  postgresql_unreachable: 'PostgreSQL does not answer',
  topic_missing: 'the topic does not exist',
  position_unreadable: 'its position can not be read',
  position_beyond_end: 'its position lies behind the end of the topic',
  no_commit_yet: 'it has confirmed nothing yet',
  client_does_not_say: 'the Kafka client does not say',
  too_few_samples: 'it was not watched long enough',
  older_than_watched: 'what waits is older than the watch',
  not_catching_up: 'it does not catch up',
  not_seen_moving: 'it was not seen moving',
  standing_still: 'it stands still',
  connect_unreachable: 'Kafka Connect does not answer',
  connect_not_configured: 'no address of Kafka Connect is set',
  restore_not_configured: 'no address of the restore service is set',
  restore_unreachable: 'the restore service does not answer',
  restore_refused: 'the restore service does not know your credential',
  map_unreadable: 'this service can not read it; the request service, which plans with it, may',
  not_asked: 'the data map was not told yet',
  no_drill_period: 'nobody says how often (LETHE_DRILL_MS)',
  never_passed: 'none was ever passed',
  no_canary_yet: 'no restore drill has had it erase a made-up person',
  drills_unreadable: 'the restore drills can not be read',
  none_of_probes: 'a made-up person shows nothing of a probe',
  never_spoke: 'it never spoke',
  silent_since: 'it has not spoken lately',
  not_looked_yet: 'it has not looked yet',
  nothing_done: 'there was nothing to do',
  beats_unreadable: 'what it says can not be read',
  not_started: 'it has not begun',
  connector_missing: 'Kafka Connect has no such connector',
}

export const reason = (code: string | undefined): string =>
  code === undefined ? 'no reason was given' : (reasons[code] ?? code)

/** `AWAITING_APPROVAL` as `awaiting approval`. */
export const plain = (code: string): string => code.replaceAll('_', ' ').toLowerCase()

/** How good or bad something is; shown as a word and a sign, and only beside them as a colour. */
export type Tone = 'good' | 'busy' | 'warn' | 'bad' | 'quiet'

const signs: Readonly<Record<Tone, string>> = { good: '✓', busy: '●', warn: '▲', bad: '✕', quiet: '–' }
export const signOf = (tone: Tone): string => signs[tone]

const statusTones: Readonly<Record<string, Tone>> = {
  PENDING: 'quiet',
  AWAITING_IDENTITY: 'warn',
  AWAITING_APPROVAL: 'warn',
  SCHEDULED: 'quiet',
  IN_PROGRESS: 'busy',
  AWAITING_VERIFICATION: 'busy',
  COMPLETED: 'good',
  PARTIALLY_COMPLETED: 'warn',
  FAILED: 'bad',
  ON_HOLD: 'warn',
  REFUSED: 'quiet',
  CANCELLED: 'quiet',
  RETAINED: 'warn',
  ATTESTED: 'warn',
  DEFERRED: 'busy',
  EXPIRING: 'busy',
  NOT_APPLICABLE: 'quiet',
}
export const statusTone = (status: string): Tone => statusTones[status] ?? 'quiet'

const healthTones: Readonly<Record<string, Tone>> = {
  up: 'good',
  rebalancing: 'busy',
  silent: 'bad',
  unknown: 'warn',
}
export const healthTone = (health: string): Tone => healthTones[health] ?? 'warn'

export const grouped = (n: number): string => n.toLocaleString('en-GB').replaceAll(',', ' ')

/** Bytes in the largest binary unit that leaves at least one. */
export function bytes(n: number): string {
  const names = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = n
  let at = 0
  while (value >= 1024 && at < names.length - 1) {
    value /= 1024
    at++
  }
  return `${at === 0 ? value : value.toFixed(1)} ${names[at]}`
}

/** `5 requests`, `1 request`. */
export const counted = (n: number, noun: string): string => `${grouped(n)} ${noun}${n === 1 ? '' : 's'}`
