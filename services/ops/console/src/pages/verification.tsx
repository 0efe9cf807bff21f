import type { Matrix } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive } from '../live/hooks.js'
import { session } from '../live/session.js'
import { Badge, Moment } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link, useSearch } from '../router.js'
import { cellWords } from '../view/cell.js'
import { requestPage } from '../view/links.js'
import { filterOf } from '../view/request-filter.js'
import { mayReprobe } from '../view/roles.js'
import { LookAgain } from './look-again.js'

const kept = ['systemId', 'tenantId', 'cursor'] as const

/** Requests by systems, as independent probes found them; what is left of somebody stands first. */
export function Verification() {
  const mayLook = mayReprobe(session().who?.roles ?? [])
  const requests = useLive((state) => state.requests)
  const figures = useLive((state) => state.figures)
  const transport = useLive((state) => state.transport)
  const search = useSearch()
  const given = filterOf(search)
  const finding = new URLSearchParams(search).get('finding')
  const filter = new URLSearchParams(
    kept.flatMap((field): [string, string][] => {
      const value = given.get(field)
      return value === null ? [] : [[field, value]]
    }),
  )
  if (finding === 'residual' || finding === 'inconclusive') filter.set('finding', finding)
  const path = `/v1/verification${filter.size === 0 ? '' : `?${filter}`}`
  const answer = useAnswer<Matrix>(path, [transport === 'polling' ? figures : requests])
  return (
    <Page
      title="Verification"
      lead="What probes found that did not do the erasing: residues first, then what could not be looked at."
    >
      {filter.size > 0 && (
        <p>
          <Link to="/verification">Show all, from the first page</Link>
        </p>
      )}
      <Answered answer={answer}>
        {({ systems, items, nextCursor }) => (
          <>
            <Table
              caption="Requests by systems"
              columns={[
                { title: 'Request' },
                ...systems.map((title) => ({ title })),
                ...(mayLook ? [{ title: 'Now' }] : []),
              ]}
              rows={items.length}
              empty="Nothing is planned yet."
            >
              {items.map((item) => (
                <tr key={item.requestId} data-finding={item.finding}>
                  <th scope="row">
                    <Link to={requestPage(item.requestId)} className="id">
                      {item.requestId}
                    </Link>
                  </th>
                  {systems.map((systemId) => (
                    <td key={systemId}>
                      <Found cell={item.cells.find((cell) => cell.systemId === systemId)} />
                    </td>
                  ))}
                  {mayLook && (
                    <td>
                      <LookAgain
                        requestId={item.requestId}
                        systems={item.cells.flatMap((cell) => (cell.attested ? [] : [cell.systemId]))}
                      />
                    </td>
                  )}
                </tr>
              ))}
            </Table>
            {nextCursor !== null && (
              <nav aria-label="Pages of the list" className="paging">
                <Link to={`/verification?${withCursor(filter, nextCursor)}`}>Next page</Link>
              </nav>
            )}
          </>
        )}
      </Answered>
    </Page>
  )
}

function Found({ cell }: { cell: Matrix['items'][number]['cells'][number] | undefined }) {
  if (cell === undefined) return <span className="faint">not of its plan</span>
  const { tone, text } = cellWords(cell)
  return (
    <>
      <Badge tone={tone}>{text}</Badge> {cell.checkedAt !== null && <Moment at={cell.checkedAt} />}
    </>
  )
}

function withCursor(filter: URLSearchParams, cursor: string): URLSearchParams {
  const next = new URLSearchParams(filter)
  next.set('cursor', cursor)
  return next
}
