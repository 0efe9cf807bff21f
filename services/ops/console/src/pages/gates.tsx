import type { Gates as GatesAnswer } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { Answered, Page } from '../parts/page.js'
import { Link, useSearch } from '../router.js'
import { GateTable } from './gate-table.js'

export function Gates() {
  const figures = useLive((state) => state.figures)
  const given = new URLSearchParams(useSearch()).get('state')
  const state = given === 'open' || given === 'shut' ? given : null
  const answer = useAnswer<GatesAnswer>(`/v1/gates${state === null ? '' : `?state=${state}`}`, [figures])
  return (
    <Page title="Gates" lead="Nobody uses a store that came back from a backup before its gate opens.">
      <p>
        {state !== null && (
          <>
            Only those that are {state}. <Link to="/gates">Show all</Link>{' '}
          </>
        )}
        <Link to="/restores">Restores, backups and drills</Link>
      </p>
      <Answered answer={answer}>{({ items }) => <GateTable items={items} />}</Answered>
    </Page>
  )
}
