import type { Gates as GatesAnswer } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { Answered, Page } from '../parts/page.js'
import { Link, useSearch } from '../router.js'
import { GateTable } from './gate-table.js'

const standings = /^(open|shut|advisory|unknown)(,(open|shut|advisory|unknown))*$/

export function Gates() {
  const figures = useLive((state) => state.figures)
  const given = new URLSearchParams(useSearch()).get('standing')
  const standing = given !== null && standings.test(given) ? given : null
  const answer = useAnswer<GatesAnswer>(`/v1/gates${standing === null ? '' : `?standing=${standing}`}`, [
    figures,
  ])
  return (
    <Page title="Gates" lead="Nobody uses a store that came back from a backup before its gate opens.">
      <p>
        {standing !== null && (
          <>
            Only those that are {standing.replaceAll(',', ' or ')}. <Link to="/gates">Show all</Link>{' '}
          </>
        )}
        <Link to="/restores">Restores, backups and drills</Link>
      </p>
      <Answered answer={answer}>{({ items }) => <GateTable items={items} />}</Answered>
    </Page>
  )
}
