import type { Group, Lag as LagAnswer, Partition } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { Badge, Field, Moment, Unknown } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link } from '../router.js'
import { span } from '../view/time.js'
import { bytes, grouped, healthTone } from '../view/words.js'
import { Endangered } from './at-risk.js'

const columns = (names: string, numbers: string) => [
  ...names.split(', ').map((title) => ({ title })),
  ...numbers.split(', ').map((title) => ({ title, number: true })),
]

export function Lag() {
  const figures = useLive((state) => state.figures)
  const answer = useAnswer<LagAnswer>('/v1/lag', [figures])
  return (
    <Page
      title="Lag"
      lead="How far everybody is behind: never lower than it was at the moment of measuring, and unknown where it is not known."
    >
      <Answered answer={answer}>
        {(lag) => (
          <>
            <Groups groups={lag.groups} />
            <Endangered place={null} />
            <Way lag={lag} />
            <Partitions partitions={lag.partitions} />
            <p className="faint">
              Measured <Moment at={lag.measuredAt} />
            </p>
          </>
        )}
      </Answered>
    </Page>
  )
}

function Groups({ groups }: { groups: readonly Group[] }) {
  return (
    <Table
      caption="Consumer groups"
      columns={columns(
        'Group, Read by, Health, State',
        'Members, Lag, Caught up in, Present work done in, Dead letters',
      )}
      rows={groups.length}
      empty="No group is known."
    >
      {groups.map((group) => (
        <tr key={group.group} data-group={group.group}>
          <th scope="row">{group.group}</th>
          <td>{group.service}</td>
          <td>
            <Badge tone={healthTone(group.health)}>{group.health}</Badge>
          </td>
          <td>
            <Field<string> of={group} name="state" show={(state) => state} />
          </td>
          <td className="number">
            <Field<number> of={group} name="members" show={grouped} />
          </td>
          <td className="number" data-lag={group.lag ?? 'unknown'}>
            <Field<number> of={group} name="lag" show={grouped} />
          </td>
          <td className="number">
            <Field<number> of={group} name="catchUpMs" show={span} />
          </td>
          <td className="number">
            <Field<number> of={group} name="drainMs" show={span} />
          </td>
          <td className="number" data-letters={group.deadLetters ?? 'unknown'}>
            <Field<number>
              of={group}
              name="deadLetters"
              show={(n) => <Letters n={n} group={group.group} />}
            />
          </td>
        </tr>
      ))}
    </Table>
  )
}

/** A number that leads to its list. */
const Letters = ({ n, group }: { n: number; group: string }) =>
  n === 0 ? <>0</> : <Link to={`/dead-letters?group=${group}`}>{grouped(n)}</Link>

/** From the database to the topics. */
function Way({ lag: { slots, connector } }: { lag: LagAnswer }) {
  return (
    <section aria-labelledby="way">
      <h2 id="way">From PostgreSQL to Kafka</h2>
      <p>
        Debezium, {connector.name}:{' '}
        {connector.state === null ? (
          <Unknown code={connector.unknown} />
        ) : (
          <Badge tone={connector.state === 'RUNNING' ? 'good' : 'bad'}>{connector.state.toLowerCase()}</Badge>
        )}
        {connector.tasks?.map(({ id, state }) => (
          <span key={id}>
            {' '}
            task {id} <Badge tone={state === 'RUNNING' ? 'good' : 'bad'}>{state.toLowerCase()}</Badge>
          </span>
        ))}
      </p>
      {slots === null ? (
        <p>
          Replication slots: <span className="unknown">unknown</span>, PostgreSQL could not be asked.
        </p>
      ) : (
        <Table
          caption="Replication slots"
          columns={columns('Slot, Reader, Log', 'Not yet confirmed, Kept on disk')}
          rows={slots.length}
          empty="There is no slot: nothing is sent out."
        >
          {slots.map((slot) => (
            <tr key={slot.slot}>
              <th scope="row">{slot.slot}</th>
              <td>
                <Badge tone={slot.active ? 'good' : 'bad'}>{slot.active ? 'reading' : 'none'}</Badge>
              </td>
              <td>{slot.walStatus ?? <Unknown code={undefined} />}</td>
              <td className="number">
                {slot.lagBytes === null ? <Unknown code={undefined} /> : bytes(slot.lagBytes)}
              </td>
              <td className="number">
                {slot.retainedBytes === null ? <Unknown code={undefined} /> : bytes(slot.retainedBytes)}
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  )
}

function Partitions({ partitions }: { partitions: readonly Partition[] }) {
  return (
    <Table
      caption="Partitions"
      columns={columns(
        'Topic, Partition, Group, Position in',
        'End, Confirmed, Lag, Change per minute, Lag in time, Caught up in, Last seen moving, Dead letters',
      )}
      rows={partitions.length}
      empty="No partition is known."
    >
      {partitions.map((one) => (
        <tr key={`${one.group} ${one.topic} ${one.partition}`}>
          <th scope="row">{one.topic}</th>
          <td>{one.partition ?? <Unknown code={one.unknown['end']} />}</td>
          <td>{one.group}</td>
          <td>{one.positionIn}</td>
          <td className="number">
            <Field<number> of={one} name="end" show={grouped} />
          </td>
          <td className="number">
            <Field<number> of={one} name="committed" show={grouped} />
          </td>
          <td className="number">
            <Field<number> of={one} name="lag" show={grouped} />
          </td>
          <td className="number">
            <Field<number> of={one} name="changePerMinute" show={(n) => Math.round(n)} />
          </td>
          <td className="number">
            {one.lagMs === null && one.lagMsAtLeast !== null ? (
              `at least ${span(one.lagMsAtLeast)}`
            ) : (
              <Field<number> of={one} name="lagMs" show={span} />
            )}
          </td>
          <td className="number">
            <Field<number> of={one} name="catchUpMs" show={span} />
          </td>
          <td className="number">
            <Field<number> of={one} name="lastCommitAt" show={(at) => <Moment at={at} />} />
          </td>
          <td className="number">
            <Field<number> of={one} name="deadLetters" show={grouped} />
          </td>
        </tr>
      ))}
    </Table>
  )
}
