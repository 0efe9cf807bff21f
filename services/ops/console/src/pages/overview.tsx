import type {
  AtRisk,
  Erasers,
  Lag,
  Overview as OverviewAnswer,
} from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { Figure } from '../parts/figure.js'
import { Badge, Moment, Unknown } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Link } from '../router.js'
import { pageOf } from '../view/links.js'
import { type Trouble, troubles } from '../view/troubles.js'
import { counted, plain, statusTone } from '../view/words.js'

/** The ten-second view: first what is stuck, then the numbers. */
export function Overview() {
  const figures = useLive((state) => state.figures)
  const told = useLive((state) => state.overview)
  const asked = useAnswer<OverviewAnswer>('/v1/overview', [])
  const lag = useAnswer<Lag>('/v1/lag', [figures])
  const atRisk = useAnswer<AtRisk>('/v1/at-risk', [figures])
  const erasers = useAnswer<Erasers>('/v1/erasers', [figures])
  const overview = told === null ? asked : { ...asked, value: told }
  const found = troubles({
    overview: overview.value,
    lag: lag.value,
    atRisk: atRisk.value,
    erasers: erasers.value,
  })
  const known = [overview, lag, atRisk, erasers].every(({ value }) => value !== null)
  return (
    <Page title="Overview">
      <Answered answer={lag}>{() => null}</Answered>
      <Stuck found={found} known={known} />
      <Answered answer={overview}>{(value) => <Numbers overview={value} />}</Answered>
    </Page>
  )
}

function Stuck({ found, known }: { found: readonly Trouble[]; known: boolean }) {
  return (
    <section aria-labelledby="stuck">
      <h2 id="stuck">What is stuck</h2>
      <p role="status" className={found.length > 0 ? 'verdict bad' : 'verdict good'}>
        {found.length > 0
          ? `${counted(found.length, 'thing')} to look at`
          : known
            ? 'Nothing is stuck.'
            : 'Looking …'}
      </p>
      <ul className="troubles">
        {found.map((one) => (
          <li key={one.id} data-trouble={one.id}>
            <Badge tone={one.tone}>
              <Link to={one.page}>{one.what}</Link>
            </Badge>
            <span>{one.why}</span>
            <span>
              since {one.atLeast && 'at least '}
              <Moment at={one.since} none="a time nobody can say" />
            </span>
            <span>
              endangers{' '}
              <Link to={one.endangersPage}>
                {one.endangers === null ? 'see requests at risk' : counted(one.endangers, 'request')}
              </Link>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Numbers({ overview }: { overview: OverviewAnswer }) {
  const { requests, verification, tasks, tasksOverdue, atRisk } = overview
  const { erasers, gates, deadLetters, quarantined } = overview
  return (
    <>
      <section aria-labelledby="deadlines">
        <h2 id="deadlines">Deadlines</h2>
        <ul className="figures">
          <Figure label="overdue" figure={requests.overdue} tone="bad" />
          <Figure label="endangered by lag" figure={atRisk} tone="bad" />
          <Figure label="with residue" figure={verification.residual} tone="bad" />
          <Figure label="a probe could not tell" figure={verification.inconclusive} tone="warn" />
          <Figure label="with a task for a person" figure={tasks} tone="warn" />
          <Figure label="with a task that is overdue" figure={tasksOverdue} tone="bad" />
          <Figure label="due this week" figure={requests.dueThisWeek} tone="warn" />
          <Figure label="open" figure={requests.open} tone="busy" />
          <Figure
            label="gone from live systems, still in a backup"
            figure={requests.liveErased}
            tone="busy"
          />
          <Figure label="gone from backups too" figure={requests.backupClear} tone="good" />
        </ul>
      </section>
      <section aria-labelledby="machine">
        <h2 id="machine">The machine</h2>
        <ul className="figures">
          <Figure label="erasers and probes up" figure={erasers.up} tone="good" />
          <Figure label="silent" figure={erasers.silent} tone="bad" />
          <Figure label="that do not erase or look" figure={erasers.unusable} tone="bad" />
          <Figure label="of unknown health" figure={erasers.unknown} tone="warn" />
          <Figure label="gates open" figure={gates.open} tone="good" />
          <Figure label="gates shut" figure={gates.shut} tone="bad" />
          <Figure label="gates of which nobody knows" figure={gates.unknown} tone="warn" />
          <Figure label="dead letters" figure={deadLetters} tone="warn" />
          <Figure label="of them in quarantine" figure={quarantined} tone="bad" />
        </ul>
        <OldestPass of={overview.oldestUnacknowledged} />
      </section>
      <section aria-labelledby="by-status">
        <h2 id="by-status">Requests by status</h2>
        <ul className="figures small">
          {Object.entries(requests.byStatus).map(([status, figure]) => (
            <Figure key={status} label={plain(status)} figure={figure} tone={statusTone(status)} />
          ))}
        </ul>
        <p className="faint">
          Measured <Moment at={overview.measuredAt} />
        </p>
      </section>
    </>
  )
}

function OldestPass({ of: { pass, unknown } }: { of: OverviewAnswer['oldestUnacknowledged'] }) {
  return (
    <p>
      Oldest unacknowledged pass:{' '}
      {unknown !== null ? (
        <Unknown code={unknown} />
      ) : pass === null ? (
        'none waits.'
      ) : (
        <>
          <Link to={pageOf(pass.links.request)}>
            {pass.passId} in {pass.systemId}
          </Link>
          , requested <Moment at={pass.requestedAt} />
        </>
      )}
    </p>
  )
}
