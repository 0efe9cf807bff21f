import { useState } from 'react'
import type { Timeline as TimelineAnswer } from '../../../src/adapters/http/answer-types.js'
import { useAnswer } from '../live/hooks.js'
import { GAP_MS } from '../live/loader.js'
import { Moment } from '../parts/known.js'
import { Answered } from '../parts/page.js'
import { navigate, useSearch } from '../router.js'
import { Attempts } from './attempts.js'

const typeName = /^[A-Za-z]{1,60}$/

/** Events of one request, live until paused. @param version the last that is known of; a later one is asked for */
export function Timeline({ requestId, version }: { requestId: string; version: number }) {
  const [pausedAt, setPausedAt] = useState<number | null>(null)
  const given = new URLSearchParams(useSearch()).get('type') ?? ''
  const type = typeName.test(given) ? given : ''
  const shown = pausedAt ?? version
  const path = `/v1/requests/${requestId}/timeline?limit=1000`
  const answer = useAnswer<TimelineAnswer>(path, [shown], GAP_MS.one)
  const choose = (chosen: string) =>
    navigate(`/requests/${requestId}${chosen === '' ? '' : `?type=${chosen}`}`, { replace: true })
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Timeline</h2>
      <Answered answer={answer}>
        {({ items, nextAfterVersion }) => {
          const types = [...new Set(items.map((one) => one.type))].sort()
          const fitting = items.filter((one) => type === '' || one.type === type)
          return (
            <>
              <Attempts items={items} />
              <p className="controls">
                <label htmlFor="type">Events</label>{' '}
                <select id="type" value={type} onChange={(event) => choose(event.target.value)}>
                  <option value="">all</option>
                  {[...new Set([...types, ...(type === '' ? [] : [type])])].map((one) => (
                    <option key={one} value={one}>
                      {one}
                    </option>
                  ))}
                </select>{' '}
                <button type="button" onClick={() => setPausedAt(pausedAt === null ? version : null)}>
                  {pausedAt === null ? 'Pause' : 'Go on'}
                </button>{' '}
                {pausedAt !== null && <span role="status">paused, {version - pausedAt} newer events</span>}
              </p>
              <ol className="timeline" data-events={items.length}>
                {fitting
                  .filter((one) => pausedAt === null || one.version <= pausedAt)
                  .toReversed()
                  .map((one) => (
                    <li key={one.version} data-event={one.type}>
                      <details>
                        <summary>
                          <strong>{one.type}</strong> <Moment at={one.at} />{' '}
                          <span className="faint">#{one.version}</span>
                        </summary>
                        <pre>{JSON.stringify(one.data, null, 2)}</pre>
                      </details>
                    </li>
                  ))}
              </ol>
              {nextAfterVersion !== null && (
                <p className="notice warn">
                  Only the first {items.length} events are shown; the API has the others.
                </p>
              )}
            </>
          )
        }}
      </Answered>
    </section>
  )
}
