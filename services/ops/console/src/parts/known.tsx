import type { ReactNode } from 'react'
import { useNow } from '../live/hooks.js'
import { absolute, relative } from '../view/time.js'
import { reason, signOf, type Tone } from '../view/words.js'

/** A word with a sign; the colour only repeats them. */
export function Badge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={`badge ${tone}`}>
      <span aria-hidden="true">{signOf(tone)}</span>&nbsp;{children}
    </span>
  )
}

/** A moment, absolute with its zone and as seen from now. @param at epoch milliseconds */
export function Moment({ at, none = 'not yet' }: { at: number | null; none?: string }) {
  const now = useNow()
  if (at === null) return <span className="faint">{none}</span>
  return (
    <span className="moment">
      <time dateTime={new Date(at).toISOString()}>{absolute(at)}</time>{' '}
      <span className="faint">({relative(at, now)})</span>
    </span>
  )
}

/** Why something is not known. */
export function Unknown({ code }: { code: string | null | undefined }) {
  return (
    <span className="unknown">
      unknown<span className="faint">: {reason(code ?? undefined)}</span>
    </span>
  )
}

/** A field that may be null, with its reason from the `unknown` of its object; never 0 for what is not known. */
export function Field<T>({
  of,
  name,
  show,
}: {
  of: { readonly unknown: Readonly<Record<string, string>> } & Readonly<Record<string, unknown>>
  name: string
  show: (value: T) => ReactNode
}) {
  const value = of[name]
  if (value === null || value === undefined) return <Unknown code={of.unknown[name]} />
  return <>{show(value as T)}</>
}
