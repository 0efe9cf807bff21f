const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
] as const

/** A span in its two largest units: `2 d 3 h`, `4 min 10 s`, `0 s`. @param ms milliseconds; its sign is dropped */
export function span(ms: number): string {
  const parts: string[] = []
  let rest = Math.abs(ms)
  for (const [name, size] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count} ${name}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.length === 0 ? '0 s' : parts.join(' ')
}

/** `4 min 10 s ago` or `in 2 d`. */
export function relative(at: number, now: number): string {
  const away = at - now
  if (Math.abs(away) < 1_000) return 'now'
  return away < 0 ? `${span(away)} ago` : `in ${span(away)}`
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(zone: string | undefined): Intl.DateTimeFormat {
  const key = zone ?? ''
  const known = formats.get(key)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-GB', {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
    ...(zone === undefined ? {} : { timeZone: zone }),
  })
  formats.set(key, made)
  return made
}

/** `2026-11-21 18:20:11 UTC`. @param zone an IANA name; the browser's own when left out */
export function absolute(at: number, zone?: string): string {
  const parts = new Map(
    format(zone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  )
  const of = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? ''
  const date = `${of('year')}-${of('month')}-${of('day')}`
  return `${date} ${of('hour')}:${of('minute')}:${of('second')} ${of('timeZoneName')}`
}
