import type {
  Gates as GatesAnswer,
  Restore,
  Restores as RestoresAnswer,
} from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { Badge, Moment, Unknown } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link, useSearch } from '../router.js'
import { leftovers, phaseWords } from '../view/restores.js'
import { span } from '../view/time.js'
import { counted, grouped, plain } from '../view/words.js'
import { Backups } from './backups.js'
import { Drills } from './drills.js'
import { GateTable } from './gate-table.js'

/** Gates, replays under way, what came of those before, and the backups that can still come back. */
export function Restores() {
  const figures = useLive((state) => state.figures)
  const gates = useAnswer<GatesAnswer>('/v1/gates', [figures])
  const underWay = useAnswer<RestoresAnswer>('/v1/restores?underWay=true&limit=200', [figures])
  return (
    <Page
      title="Restores"
      lead="A store that came back from a backup holds people who were erased. Nobody uses it before they are erased again."
    >
      <Answered answer={gates}>{({ items }) => <GateTable items={items} />}</Answered>
      <Answered answer={underWay}>{({ items }) => <UnderWay items={items} />}</Answered>
      <History figures={figures} />
      <Drills figures={figures} />
      <Backups figures={figures} />
    </Page>
  )
}

function UnderWay({ items }: { items: readonly Restore[] }) {
  return (
    <section aria-labelledby="under-way">
      <h2 id="under-way">Under way</h2>
      {items.length === 0 && <p>No restore is under way.</p>}
      <ul className="troubles">
        {items.map((one) => (
          <li key={one.restoreId} data-restore={one.restoreId} data-phase={one.phase}>
            <span>
              <strong>{one.systemId}</strong>{' '}
              <Badge tone={phaseWords(one.phase).tone}>{phaseWords(one.phase).text}</Badge>
            </span>
            <Progress restore={one} />
            <span>
              announced <Moment at={one.announcedAt} />, {plain(one.gateMode)}
            </span>
            <span>
              {grouped(one.tombstones)} looked at, {grouped(one.replayed)} erased again
            </span>
            <Openings restore={one} />
            {one.waiting.map((reason) => (
              <span key={`${reason.code} ${reason.detail}`} data-reason={reason.code}>
                <strong>{plain(reason.code)}:</strong> {reason.detail}
                {reason.counts !== undefined && (
                  <span className="faint">
                    {' '}
                    {Object.entries(reason.counts)
                      .map(([name, n]) => `${name}: ${n}`)
                      .join(', ')}
                  </span>
                )}
              </span>
            ))}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Progress({ restore: { progress, restoreId } }: { restore: Restore }) {
  if (progress === null) return <span>no replay is running</span>
  const { done, total, leftMs, unknown } = progress
  const label = `progress-${restoreId}`
  return (
    <span className="progress">
      <span id={label}>
        {done === null ? <Unknown code={unknown['done']} /> : grouped(done)} of {grouped(total)}
      </span>
      {done !== null && <progress aria-labelledby={label} max={Math.max(1, total)} value={done} />}
      <span>this phase ends in {leftMs === null ? <Unknown code={unknown['leftMs']} /> : span(leftMs)}</span>
    </span>
  )
}

const columns = [
  { title: 'System' },
  { title: 'Came to' },
  { title: 'Announced' },
  { title: 'By' },
  { title: 'Gate' },
  { title: 'Could be used for' },
  { title: 'Opened' },
  { title: 'Opened by' },
  { title: 'People', number: true },
  { title: 'Erased again', number: true },
  { title: 'Were absent', number: true },
  { title: 'Left over' },
]

function History({ figures }: { figures: number }) {
  const cursor = new URLSearchParams(useSearch()).get('cursor') ?? ''
  const kept = /^[A-Za-z0-9_-]{1,500}$/.test(cursor) ? `&cursor=${cursor}` : ''
  const answer = useAnswer<RestoresAnswer>(`/v1/restores?underWay=false${kept}`, [figures])
  return (
    <Answered answer={answer}>
      {({ items, nextCursor }) => (
        <>
          <Table
            caption="History, the latest first"
            columns={columns}
            rows={items.length}
            empty="No store has come back from a backup."
          >
            {items.map((one) => (
              <Past key={one.restoreId} one={one} />
            ))}
          </Table>
          <nav aria-label="Pages of the history" className="paging">
            {kept !== '' && <Link to="/restores">First page</Link>}
            {nextCursor !== null && <Link to={`/restores?cursor=${nextCursor}`}>Next page</Link>}
          </nav>
        </>
      )}
    </Answered>
  )
}

function Past({ one }: { one: Restore }) {
  const { tone, text } = phaseWords(one.phase)
  const left = leftovers(one)
  return (
    <tr data-restore={one.restoreId} data-phase={one.phase}>
      <th scope="row">
        {one.systemId} <span className="faint">{one.restoreId}</span>
        {one.backupId !== null && <span className="faint"> of backup {one.backupId}</span>}
      </th>
      <td>
        <Badge tone={tone}>{text}</Badge>
      </td>
      <td>
        <Moment at={one.announcedAt} />
      </td>
      <td>{plain(one.announcedBy)}</td>
      <td>{plain(one.gateMode)}</td>
      <td>
        <CouldBeUsed restore={one} />
        <Openings restore={one} />
      </td>
      <td>
        <Moment at={one.openedAt} />
      </td>
      <td>{one.openedBy ?? <span className="faint">nobody</span>}</td>
      <td className="number">{grouped(one.tombstones)}</td>
      <td className="number">{grouped(one.replayed)}</td>
      <td className="number">{grouped(one.alreadyAbsent)}</td>
      <td>{left.length === 0 ? 'nobody' : left.join('; ')}</td>
    </tr>
  )
}

function CouldBeUsed({ restore: { windowMs, gateMode, sessionsEnded, foundOpen } }: { restore: Restore }) {
  if (windowMs !== null)
    return (
      <>
        at most {span(windowMs)}
        {sessionsEnded > 0 && `, ${grouped(sessionsEnded)} sessions ended`}
      </>
    )
  if (gateMode !== 'hooked') return <span className="faint">not known</span>
  return foundOpen.length > 0 ? null : <span className="faint">nobody could</span>
}

/** Who it was nobody knows: whoever breaks the glass does it past Lethe. */
function Openings({ restore: { foundOpen } }: { restore: Restore }) {
  return foundOpen.map(({ noticedAt, shutUntil, sessionsEnded }) => (
    <p key={noticedAt} data-found-open>
      <Badge tone="bad">opened past Lethe</Badge> after <Moment at={shutUntil} none="a time nobody knows" />,
      noticed <Moment at={noticedAt} />,{' '}
      {sessionsEnded === null ? 'not shut again' : `${counted(sessionsEnded, 'session')} ended`}
    </p>
  ))
}
