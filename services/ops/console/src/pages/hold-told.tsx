import type { Acted } from '../../../src/adapters/http/answer-types.js'
import { Moment } from '../parts/known.js'
import { sumsOf } from '../view/marks.js'
import { grouped } from '../view/words.js'

/** From when on nothing more is erased, what was already gone then, and what may still end until then. */
export function HoldTold({ held, close }: { held: Acted; close: () => void }) {
  const gone = held.alreadyGone ?? []
  const out = held.outstandingGrants ?? []
  return (
    <>
      <p role="status" data-held>
        Nothing more is erased after{' '}
        <Moment at={held.effectiveAt ?? null} none="a moment that was not told" />.
      </p>
      <p>{gone.length === 0 ? 'Nothing had been erased.' : 'Already done, and not undone by this:'}</p>
      <ul data-gone={gone.length}>
        {gone.map((pass) => (
          <li key={pass.passId}>
            {pass.passId}: {pass.outcome.replaceAll('_', ' ')}, {grouped(sumsOf(pass.counts).erased)} records
            erased, {grouped(sumsOf(pass.counts).redacted)} redacted
          </li>
        ))}
      </ul>
      {out.length > 0 && (
        <>
          <p>May still end until then:</p>
          <ul>
            {out.map((pass) => (
              <li key={pass.passId}>
                {pass.passId}, until <Moment at={pass.expiresAt} />
              </li>
            ))}
          </ul>
        </>
      )}
      <p className="buttons">
        <button type="button" onClick={close}>
          Close
        </button>
      </p>
    </>
  )
}
