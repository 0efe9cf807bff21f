import type { Gates } from '../../../src/adapters/http/answer-types.js'
import { Badge, Moment } from '../parts/known.js'
import { Table } from '../parts/table.js'
import { gateWords } from '../view/restores.js'

const columns = ['System', 'Gate', 'Since', 'Last looked at', 'Strength', 'Restore', 'Why'].map((title) => ({
  title,
}))

export function GateTable({ items }: { items: Gates['items'] }) {
  return (
    <Table caption="Gates" columns={columns} rows={items.length} empty="None.">
      {items.map((one) => {
        const { tone, text, why } = gateWords(one)
        return (
          <tr key={one.systemId} data-gate={one.systemId} data-standing={one.standing}>
            <th scope="row">{one.systemId}</th>
            <td>
              <Badge tone={tone}>{text}</Badge> {why !== '' && <span className="faint">{why}</span>}
            </td>
            <td>
              <Moment at={one.since} none={one.watched ? 'the beginning' : 'not known'} />
            </td>
            <td>
              <Moment at={one.lookedAt} none={one.watched ? 'not yet' : 'never'} />
            </td>
            <td>{one.strength ?? 'none'}</td>
            <td>{one.restoreId ?? 'none'}</td>
            <td>{one.reason ?? 'none'}</td>
          </tr>
        )
      })}
    </Table>
  )
}
