const MOST_YEARS = 1_000
/** Of a year; a little more than there are, so that no calendar makes the sum longer. */
const YEARS_IN: Readonly<Record<string, number>> = { Y: 1, M: 1 / 12, W: 1 / 52, D: 1 / 365 }

/** Whether the end of `until:` can be told, for a text of the right form: a date that exists, or a time with an end. */
export function canEnd(text: string): boolean {
  if (!text.startsWith('P')) {
    const date = new Date(`${text}T00:00:00Z`)
    return text > '0001' && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
  }
  const parts = (text.split(' ', 1)[0] ?? '').matchAll(/(\d+)([YMWD])/g)
  const years = [...parts].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (YEARS_IN[unit ?? ''] ?? 0),
    0,
  )
  return years <= MOST_YEARS
}

export const CANNOT_END = `write a date that there is, or a time of at most ${MOST_YEARS} years`
