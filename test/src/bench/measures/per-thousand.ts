import type { Sample } from '../report/measure.js'

/** Processor seconds that each process used for a thousand requests; shared servers count for whoever used them. */
export function perThousand(
  measure: string,
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  requests: number,
): Sample[] {
  const used = Object.entries(after)
    .map(([name, seconds]) => [name, ((seconds - (before[name] ?? 0)) * 1_000) / requests] as const)
    .filter(([, seconds]) => seconds > 0.005)
  const total = used.reduce((sum, [, seconds]) => sum + seconds, 0)
  const sample = (subject: string, value: number): Sample => ({
    measure,
    subject,
    unit: 's per 1,000',
    value,
  })
  return [
    ...used.map(([name, seconds]) => sample(`Lethe: ${name}`, seconds)),
    sample('Lethe: all together', total),
  ]
}

/** All of it in one figure, for whoever was running at the time. */
export function together(
  measure: string,
  subject: string,
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  requests: number,
): Sample {
  const used = Object.entries(after).reduce((sum, [name, seconds]) => sum + seconds - (before[name] ?? 0), 0)
  return { measure, subject, unit: 's per 1,000', value: (used * 1_000) / requests }
}
