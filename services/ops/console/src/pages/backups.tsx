import type { Backups as BackupsAnswer } from '../../../src/adapters/http/answer-types.js'
import { useAnswer } from '../live/hooks.js'
import { Badge, Moment, Unknown } from '../parts/known.js'
import { Answered } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { plain } from '../view/words.js'

const columns = ['System', 'Backup', 'Kind', 'Taken', 'Kept until', 'Should be gone', 'Found'].map(
  (title) => ({ title }),
)

/** The catalogue changes with reports, a few a day: it is asked again every so many looks. */
const LOOKS = 5

export function Backups({ figures }: { figures: number }) {
  const answer = useAnswer<BackupsAnswer>('/v1/backups', [Math.floor(figures / LOOKS)])
  return (
    <Answered answer={answer}>
      {({ items, unknown }) =>
        items === null ? (
          <section aria-labelledby="backups">
            <h2 id="backups">Backups</h2>
            <p data-backups="unknown">
              <Unknown code={unknown} />
            </p>
          </section>
        ) : (
          <Table
            caption="Backups that can still come back, as they were reported"
            columns={columns}
            rows={items.length}
            empty="No backup was reported. Tombstones are kept for as long as the data map says backups are."
          >
            {items.map((one) => (
              <tr key={`${one.systemId} ${one.backupId}`} data-backup={one.backupId}>
                <th scope="row">{one.systemId}</th>
                <td>{one.backupId}</td>
                <td>{one.policy ?? 'not told'}</td>
                <td>
                  <Moment at={one.takenAt} />
                </td>
                <td>
                  <Moment at={one.keptUntil} none="not told" />
                </td>
                <td>
                  <Moment at={one.dueAt} none="the data map has no backups here" />
                </td>
                <td>
                  {one.alerts.length === 0 ? (
                    <Badge tone="good">as the data map says</Badge>
                  ) : (
                    one.alerts.map((alert) => (
                      <Badge key={alert} tone="bad">
                        {plain(alert)}
                      </Badge>
                    ))
                  )}
                </td>
              </tr>
            ))}
          </Table>
        )
      }
    </Answered>
  )
}
