import type { Timeline } from '../../../src/adapters/http/answer-types.js'
import { Badge, Moment } from '../parts/known.js'
import { Table } from '../parts/table.js'
import { attemptsOf } from '../view/attempts.js'

const columns = ['Pass', 'Attempt', 'Asked', 'Answered', 'Outcome', 'Error'].map((title) => ({ title }))

/** Every time a system was asked to erase, and what it said. */
export function Attempts({ items }: { items: Timeline['items'] }) {
  const attempts = attemptsOf(items)
  if (attempts.length === 0) return null
  return (
    <Table caption="Attempts" columns={columns} rows={attempts.length} empty="">
      {attempts.map((one) => (
        <tr key={`${one.passId} ${one.attempt}`} data-attempt={`${one.passId} ${one.attempt}`}>
          <th scope="row">{one.passId}</th>
          <td className="number">{one.attempt}</td>
          <td>
            <Moment at={one.askedAt} />
          </td>
          <td>
            <Moment at={one.answeredAt} none="no answer" />
          </td>
          <td>
            {one.outcome === null ? (
              <Badge tone="quiet">none yet</Badge>
            ) : (
              <Badge tone={one.outcome === 'failed' || one.outcome === 'unsupported' ? 'bad' : 'good'}>
                {one.outcome.replaceAll('_', ' ')}
              </Badge>
            )}
          </td>
          <td>{one.errorCode ?? 'none'}</td>
        </tr>
      ))}
    </Table>
  )
}
