import { type FormEvent, useState, useSyncExternalStore } from 'react'
import type { BulkItems, BulkJob, BulkJobs } from '../../../src/adapters/http/answer-types.js'
import { AskError, send } from '../live/ask.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { onSession, session } from '../live/session.js'
import { Badge, Moment } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link } from '../router.js'
import { actionWords } from '../view/actions.js'
import { bulkVerbs, hindranceText, interruptedText, outcomeText, stillToDo } from '../view/bulk.js'
import { requestPage } from '../view/links.js'
import { counted, grouped, plain, type Tone } from '../view/words.js'
import { bodyOf } from './action-fields.js'
import { BulkFields } from './bulk-fields.js'

const tones: Readonly<Record<BulkJob['state'], Tone>> = {
  shown: 'quiet',
  running: 'busy',
  interrupted: 'warn',
  done: 'good',
}

/** Actions on many requests, the newest first. */
export function BulkJobsPage() {
  const tick = useLive((state) => state.bulks)
  const answer = useAnswer<BulkJobs>('/v1/bulk', [tick])
  return (
    <Page title="Actions on many requests">
      <Answered answer={answer}>
        {({ items }) => (
          <Table
            caption="The newest first"
            columns={[
              { title: 'Action' },
              { title: 'State' },
              { title: 'Begun' },
              { title: 'Requests', number: true },
              { title: 'Done', number: true },
              { title: 'Left', number: true },
              { title: 'By' },
            ]}
            rows={items.length}
            empty="None yet. Begin with the list of requests."
          >
            {items.map((job) => (
              <tr key={job.jobId} data-job={job.jobId}>
                <th scope="row">
                  <Link to={`/bulk/${job.jobId}`}>{actionWords[job.verb].button.toLowerCase()}</Link>
                </th>
                <td>
                  <Badge tone={tones[job.state]}>{job.state}</Badge>
                </td>
                <td>
                  <Moment at={job.startedAt} />
                </td>
                <td className="number">{grouped(job.total)}</td>
                <td className="number">{grouped(job.outcomes['done'] ?? 0)}</td>
                <td className="number">{grouped(job.left)}</td>
                <td>{job.credentialId}</td>
              </tr>
            ))}
          </Table>
        )}
      </Answered>
    </Page>
  )
}

/** One of them: what it would do, how far it is, what came of each request. */
export function BulkJobPage({ jobId }: { jobId: string }) {
  const tick = useLive((state) => state.bulks)
  const [asked, setAsked] = useState(0)
  const answer = useAnswer<BulkJob>(`/v1/bulk/${jobId}`, [tick, asked])
  return (
    <Page title="An action on many requests">
      <Answered answer={answer}>
        {(job) => (
          <>
            <p className="status" data-state={job.state}>
              <Badge tone={tones[job.state]}>{job.state}</Badge> {actionWords[job.verb].button}:{' '}
              {counted(job.total, 'request')}
              {job.leftOut > 0 && `, ${grouped(job.leftOut)} left out`} of{' '}
              <Link to={`/requests${job.list === '' ? '' : `?${job.list}`}`}>this list</Link>, by{' '}
              {job.credentialId}.
            </p>
            <Progress job={job} />
            <Run job={job} onDone={() => setAsked(asked + 1)} />
            <Shown job={job} />
            {job.state !== 'shown' && <Rows jobId={jobId} tick={tick + asked} />}
          </>
        )}
      </Answered>
    </Page>
  )
}

function Progress({ job }: { job: BulkJob }) {
  if (job.state === 'shown') return <p>Nothing was done yet.</p>
  const ended = job.total - job.left
  return (
    <>
      <p role="status" data-ended={ended}>
        <progress max={job.total} value={ended} aria-label="Requests that were asked for" /> {grouped(ended)}{' '}
        of {grouped(job.total)}
        {job.state === 'done' && ': it has ended.'}
      </p>
      {job.state === 'interrupted' && (
        <p className="notice warn" role="alert">
          {interruptedText(job)}
        </p>
      )}
      <ul>
        {Object.entries(job.outcomes).map(([outcome, n]) => (
          <li key={outcome} data-outcome={outcome}>
            {grouped(n)} {outcomeText(outcome)}
          </li>
        ))}
      </ul>
    </>
  )
}

function Run({ job, onDone }: { job: BulkJob; onDone: () => void }) {
  const { who } = useSyncExternalStore(onSession, session)
  const [problem, setProblem] = useState<string | null>(null)
  const words = actionWords[job.verb]
  if (job.state === 'done' || !bulkVerbs(who?.roles ?? []).includes(job.verb)) return null

  async function call(path: string, body: object) {
    setProblem(null)
    try {
      await send(`/v1/bulk/${job.jobId}/${path}`, body)
    } catch (error) {
      setProblem(error instanceof AskError ? error.message : 'This could not be done.')
    }
    onDone()
  }
  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    void call('run', bodyOf(job.verb, new FormData(event.currentTarget)))
  }
  return (
    <form onSubmit={submit} aria-label="Do it">
      {job.state !== 'running' && (
        <>
          <p>{words.says}</p>
          <BulkFields verb={job.verb} />
          <p>
            <label>
              <input type="checkbox" name="sure" required /> I want it for{' '}
              {counted(stillToDo(job), 'request')}. {words.final}
            </label>
          </p>
        </>
      )}
      {problem !== null && (
        <p className="notice bad" role="alert">
          {problem}
        </p>
      )}
      <p className="buttons">
        {job.state === 'running' ? (
          <button type="button" onClick={() => void call('stop', {})}>
            Stop
          </button>
        ) : (
          <button type="submit">{job.state === 'shown' ? words.button : 'Resume'}</button>
        )}
      </p>
    </form>
  )
}

function Shown({ job }: { job: BulkJob }) {
  return (
    <Table
      caption="As it was shown"
      columns={[{ title: 'Status' }, { title: 'What will come of it' }, { title: 'Requests', number: true }]}
      rows={job.shown.length}
      empty="No request fits."
    >
      {job.shown.map(({ status, hindrance, n }) => (
        <tr key={`${status} ${hindrance}`} data-hindrance={hindrance ?? 'none'}>
          <th scope="row">{plain(status)}</th>
          <td>{hindrance === null ? 'will be asked for' : `will be refused: ${hindranceText(hindrance)}`}</td>
          <td className="number">{grouped(n)}</td>
        </tr>
      ))}
    </Table>
  )
}

function Rows({ jobId, tick }: { jobId: string; tick: number }) {
  const [after, setAfter] = useState(0)
  const answer = useAnswer<BulkItems>(`/v1/bulk/${jobId}/items?limit=100&after=${after}`, [tick])
  return (
    <Answered answer={answer}>
      {({ items, nextAfter }) => (
        <>
          <Table
            caption="What came of each"
            columns={[{ title: 'Request' }, { title: 'Outcome' }]}
            rows={items.length}
            empty="There is none."
          >
            {items.map((item) => (
              <tr key={item.position} data-item={item.requestId}>
                <th scope="row">
                  <Link to={requestPage(item.requestId)} className="id">
                    {item.requestId}
                  </Link>
                </th>
                <td>
                  {item.outcome !== null
                    ? outcomeText(item.outcome)
                    : item.askedAt === null
                      ? 'not asked yet'
                      : outcomeText('not_known')}
                </td>
              </tr>
            ))}
          </Table>
          <p className="buttons">
            {after > 0 && (
              <button type="button" onClick={() => setAfter(0)}>
                First rows
              </button>
            )}{' '}
            {nextAfter !== null && (
              <button type="button" onClick={() => setAfter(nextAfter)}>
                Next rows
              </button>
            )}
          </p>
        </>
      )}
    </Answered>
  )
}
