import type { Drills as DrillsAnswer } from '../../../src/adapters/http/answer-types.js'
import { useAnswer } from '../live/hooks.js'
import { Badge, Moment, Unknown } from '../parts/known.js'
import { Answered } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { plain, type Tone } from '../view/words.js'

const dueColumns = ['System', 'Drill', 'Last passed', 'Due'].map((title) => ({ title }))
const columns = ['System', 'Started', 'Ended', 'Came to', 'Why'].map((title) => ({ title }))

/** Drills take minutes; they are asked for again every so many looks. */
const LOOKS = 5

const tones: Readonly<Record<string, Tone>> = { passed: 'good', failed: 'bad', proves_nothing: 'warn' }

export function Drills({ figures }: { figures: number }) {
  const answer = useAnswer<DrillsAnswer>('/v1/drills', [Math.floor(figures / LOOKS)])
  return (
    <Answered answer={answer}>
      {({ due, items, unknown }) => (
        <>
          <Table caption="Restore drills that are due" columns={dueColumns} rows={due.length} empty="None.">
            {due.map((one) => (
              <tr key={one.systemId} data-drill-due={one.systemId} data-overdue={String(one.overdue)}>
                <th scope="row">{one.systemId}</th>
                <td>
                  {one.overdue === null ? (
                    <Unknown code={one.unknown['overdue']} />
                  ) : (
                    <Badge tone={one.overdue ? 'bad' : 'good'}>
                      {one.overdue ? 'overdue' : 'passed in time'}
                    </Badge>
                  )}
                </td>
                <td>
                  <Moment at={one.lastPassedAt} none={unknown === null ? 'never' : 'not known'} />
                </td>
                <td>
                  {one.dueAt === null ? <Unknown code={one.unknown['dueAt']} /> : <Moment at={one.dueAt} />}
                </td>
              </tr>
            ))}
          </Table>
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
                <tr key={one.drillId} data-drill={one.drillId}>
                  <th scope="row">{one.systemId}</th>
                  <td>
                    <Moment at={one.startedAt} />
                  </td>
                  <td>
                    <Moment at={one.finishedAt} none={plain(one.phase)} />
                  </td>
                  <td>
                    {one.verdict === null ? (
                      <Badge tone="busy">under way</Badge>
                    ) : (
                      <Badge tone={tones[one.verdict] ?? 'quiet'}>{plain(one.verdict)}</Badge>
                    )}
                    {one.intact === false && <Badge tone="bad">its record was changed</Badge>}
                  </td>
                  <td>{one.reasons.map(({ detail }) => detail).join(' ') || 'nothing to say'}</td>
                </tr>
              ))}
            </Table>
          )}
        </>
      )}
    </Answered>
  )
}
