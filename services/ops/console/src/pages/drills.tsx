import { useState } from 'react'
import type { Drills as DrillsAnswer } from '../../../src/adapters/http/answer-types.js'
import { useAnswer } from '../live/hooks.js'
import { Badge, Moment, Unknown } from '../parts/known.js'
import { Answered } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { DrillRow } from './drill-row.js'

const dueColumns = ['System', 'Drill', 'Last passed', 'Due'].map((title) => ({ title }))
const columns = ['System', 'Started', 'Ended', 'Came to', 'Why', 'Evidence'].map((title) => ({ title }))

/** Drills are days apart: they are asked for again every so many looks, and at every look while one is under way. */
const LOOKS = 5

export function Drills({ figures }: { figures: number }) {
  const [moving, setMoving] = useState(false)
  const answer = useAnswer<DrillsAnswer>('/v1/drills', [moving ? figures : Math.floor(figures / LOOKS)])
  const underWay = answer.value?.items?.some(({ finishedAt }) => finishedAt === null) ?? false
  if (underWay !== moving) setMoving(underWay)
  return (
    <Answered answer={answer}>
      {({ due, items, unknown }) => (
        <>
          <Due due={due} unknown={unknown} />
          {items === null ? (
            <p data-drills="unknown">
              Drills: <Unknown code={unknown} />
            </p>
          ) : (
            <Table
              caption="Drills, the latest first"
              columns={columns}
              rows={items.length}
              empty="None was done yet."
            >
              {items.map((one) => (
                <DrillRow key={one.drillId} one={one} />
              ))}
            </Table>
          )}
        </>
      )}
    </Answered>
  )
}

function Due({ due, unknown }: Pick<DrillsAnswer, 'due' | 'unknown'>) {
  return (
    <Table caption="Restore drills that are due" columns={dueColumns} rows={due.length} empty="None.">
      {due.map((one) => (
        <tr key={one.systemId} data-drill-due={one.systemId} data-overdue={String(one.overdue)}>
          <th scope="row">{one.systemId}</th>
          <td>
            {one.overdue === null ? (
              <Unknown code={one.unknown['overdue']} />
            ) : (
              <Badge tone={one.overdue ? 'bad' : 'good'}>{one.overdue ? 'overdue' : 'passed in time'}</Badge>
            )}
          </td>
          <td>
            <Moment at={one.lastPassedAt} none={unknown === null ? 'never' : 'not known'} />
          </td>
          <td>{one.dueAt === null ? <Unknown code={one.unknown['dueAt']} /> : <Moment at={one.dueAt} />}</td>
        </tr>
      ))}
    </Table>
  )
}
