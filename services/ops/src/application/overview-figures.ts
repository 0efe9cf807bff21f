import type { Gate } from '../adapters/pg-reads.js'
import type { DeadLettersView } from './dead-letters.js'
import type { EraserView } from './eraser-views.js'
import type { RiskView } from './risk.js'

/** A number and the list behind it; `value` null: not known, and why. */
export interface Figure {
  readonly value: number | null
  /** There are at least so many: not all were looked at. */
  readonly atLeast: boolean
  readonly unknown: string | null
  readonly href: string
}

export const figure = (value: number, href: string): Figure => ({
  value,
  atLeast: false,
  unknown: null,
  href,
})

/** A number that comes from PostgreSQL; null when it did not answer. */
export const counted = (value: number | null | undefined, href: string): Figure =>
  value === null || value === undefined
    ? { value: null, atLeast: false, unknown: 'postgresql_unreachable', href }
    : figure(value, href)

/** What could be learnt; null for what could not. */
export const known = <T>(asked: Promise<T>): Promise<T | null> => asked.catch(() => null)

type Verdict = EraserView['verdict']

export interface EraserFigures {
  /** Those that work, as far as anybody can tell. */
  readonly up: Figure
  /** Nobody works there. */
  readonly silent: Figure
  /** Somebody works there, and can not use the store or did not erase a made-up person. */
  readonly unusable: Figure
  readonly unknown: Figure
}

export function eraserFigures(all: readonly EraserView[]): EraserFigures {
  const of = (...verdicts: Verdict[]) =>
    figure(
      all.filter(({ verdict }) => verdicts.includes(verdict)).length,
      `/v1/erasers?verdict=${verdicts.join(',')}`,
    )
  return {
    up: of('up'),
    silent: of('silent', 'missing'),
    unusable: of('unusable', 'failing'),
    unknown: of('unknown'),
  }
}

export interface GateFigures {
  /** Somebody watches the store, has looked lately and knows it. */
  readonly open: Figure
  readonly shut: Figure
  /** Nobody watches, has looked lately, or knows what is there. */
  readonly unknown: Figure
}

export function gateFigures(all: readonly Gate[] | null): GateFigures {
  const of = (...standings: Gate['standing'][]) =>
    counted(
      all?.filter(({ standing }) => standings.includes(standing)).length,
      `/v1/gates?standing=${standings.join(',')}`,
    )
  return { open: of('open'), shut: of('shut', 'advisory'), unknown: of('unknown') }
}

export interface LetterFigures {
  readonly deadLetters: Figure
  /** Those among them that failed again after every redrive. */
  readonly quarantined: Figure
}

export function letterFigures({ items, unknown }: DeadLettersView): LetterFigures {
  const of = (n: number | undefined, href: string): Figure => ({
    value: n ?? null,
    atLeast: false,
    unknown,
    href,
  })
  return {
    deadLetters: of(items?.length, '/v1/dead-letters'),
    quarantined: of(
      items?.filter(({ quarantined }) => quarantined).length,
      '/v1/dead-letters?quarantined=true',
    ),
  }
}

/** Only those with the nearest deadlines are looked at. */
export const riskFigure = (risk: RiskView | null): Figure => ({
  ...counted(risk?.items.length, '/v1/at-risk'),
  atLeast: risk?.truncated ?? false,
})
