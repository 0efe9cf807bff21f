import { useState } from 'react'
import type { CheckedMap, DataMap as DataMapAnswer } from '../../../src/adapters/http/answer-types.js'
import { AskError, send } from '../live/ask.js'
import { useAnswer } from '../live/hooks.js'
import { session } from '../live/session.js'
import { Badge, Unknown } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { Link, useSearch } from '../router.js'
import { mayReprobe } from '../view/roles.js'
import { span } from '../view/time.js'
import { counted, grouped, plain } from '../view/words.js'
import { MapGraph } from './map-graph.js'

type Outline = NonNullable<DataMapAnswer['outline']>

/** Which systems hold something of a person, what becomes of it, and in which order. */
export function DataMap() {
  const given = new URLSearchParams(useSearch()).get('version') ?? ''
  const version = /^[0-9]{1,9}$/.test(given) ? given : ''
  const answer = useAnswer<DataMapAnswer>(`/v1/data-map${version === '' ? '' : `?version=${version}`}`, [])
  return (
    <Page
      title="Data map"
      lead="Which systems hold something of a person, what becomes of it, and in which order."
    >
      <Answered answer={answer}>
        {(map) => (
          <>
            <p data-version={map.version}>
              Version {map.version}{' '}
              {map.versions[0]?.version === map.version ? (
                <Badge tone="good">in force</Badge>
              ) : (
                <>
                  <Badge tone="quiet">no longer in force</Badge>{' '}
                  <Link to="/data-map">Show the one that is</Link>
                </>
              )}{' '}
              <span className="id faint">{map.digest}</span>
            </p>
            {map.outline === null ? (
              <p>
                <Unknown code={map.unknown} />
              </p>
            ) : (
              <Outlined outline={map.outline} />
            )}
            <Coverage />
            <Versions map={map} />
          </>
        )}
      </Answered>
    </Page>
  )
}

function Outlined({ outline }: { outline: Outline }) {
  return (
    <>
      <p>
        Tenants: {outline.tenant}. People are known by {outline.identifiers.join(', ')}.
      </p>
      {outline.steps === null ? (
        <p className="notice bad">This map leads to no plan: nobody could be erased by it.</p>
      ) : (
        <MapGraph
          steps={outline.steps}
          kinds={new Map(outline.systems.map((one) => [one.systemId, one.kind]))}
        />
      )}
      <Systems systems={outline.systems} />
      <Elements systems={outline.systems} />
    </>
  )
}

const systemColumns = [
  { title: 'System' },
  { title: 'Kind' },
  { title: 'Copies' },
  { title: 'After' },
  { title: 'Resolves' },
  { title: 'Most records', number: true },
  { title: 'Settles in' },
  { title: 'Backups kept for' },
]

function Systems({ systems }: { systems: Outline['systems'] }) {
  return (
    <Table caption="Systems" columns={systemColumns} rows={systems.length} empty="None.">
      {systems.map((one) => (
        <tr key={one.systemId} data-system={one.systemId}>
          <th scope="row">
            {one.systemId}
            {one.notApplicable !== null && (
              <span className="faint"> does not apply: {one.notApplicable}</span>
            )}
          </th>
          <td>{one.kind}</td>
          <td>{one.derivedFrom.join(', ') || 'none'}</td>
          <td>{one.after.join(', ') || 'none'}</td>
          <td>{one.resolves.join(', ') || 'nothing'}</td>
          <td className="number">{one.ceiling === null ? 'no limit' : grouped(one.ceiling)}</td>
          <td>{span(one.settleMs)}</td>
          <td>
            {one.backups.map(({ name, keepMs }) => `${name}: ${span(keepMs)}`).join(', ') || 'no backups'}
          </td>
        </tr>
      ))}
    </Table>
  )
}

const elementColumns = ['System', 'Element', 'Method', 'Category', 'Basis'].map((title) => ({ title }))

function Elements({ systems }: { systems: Outline['systems'] }) {
  const all = systems.flatMap(({ systemId, elements }) =>
    elements.map((element, index) => ({ systemId, index, ...element })),
  )
  return (
    <Table
      caption="Elements and what becomes of them"
      columns={elementColumns}
      rows={all.length}
      empty="None."
    >
      {all.map((one) => (
        <tr key={`${one.systemId} ${one.index}`} data-element={one.name}>
          <th scope="row">{one.systemId}</th>
          <td>{one.name}</td>
          <td>
            <Badge tone={one.method === 'retain' ? 'warn' : 'quiet'}>{one.method}</Badge>
          </td>
          <td>{one.category ?? 'not told'}</td>
          <td>{one.basis ?? 'not told'}</td>
        </tr>
      ))}
    </Table>
  )
}

/** Asked for, because every probe looks through its store for it. */
function Coverage() {
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string | null>(null)
  const [checked, setChecked] = useState<CheckedMap | null>(null)
  const { who } = session()
  async function check() {
    setBusy(true)
    setProblem(null)
    try {
      setChecked(await send<CheckedMap>('/v1/data-map/check', {}))
    } catch (error) {
      setProblem(error instanceof AskError ? error.message : 'This could not be done.')
    }
    setBusy(false)
  }
  return (
    <section aria-labelledby="coverage">
      <h2 id="coverage">Coverage</h2>
      <p>
        Probes hold the map in force against their stores: what looks like a person and is not in the map,
        what the map names and is not there, missing rights. They only read.
      </p>
      {who && mayReprobe(who.roles) ? (
        <p>
          <button type="button" onClick={check} disabled={busy}>
            {busy ? 'Looking …' : 'Check the map against the stores'}
          </button>
        </p>
      ) : (
        <p className="faint">The check is for operators, privacy officers and administrators.</p>
      )}
      {problem !== null && (
        <p className="notice bad" role="alert">
          {problem}
        </p>
      )}
      {checked !== null && <Findings checked={checked} />}
    </section>
  )
}

const findingColumns = ['System', 'What', 'Where', 'Line', 'Found'].map((title) => ({ title }))

function Findings({ checked }: { checked: CheckedMap }) {
  const systems = Object.entries(checked.systems)
  const dark = systems.filter(([, one]) => one.status === 'unreachable').map(([systemId]) => systemId)
  const found = [
    ...checked.findings.map((one) => ({ systemId: 'the map', ...one })),
    ...systems.flatMap(([systemId, one]) => one.findings.map((finding) => ({ systemId, ...finding }))),
  ]
  return (
    <>
      <p role="status" data-checked={checked.ok ? 'ok' : 'findings'}>
        {counted(found.length, 'finding')} in version {checked.version}
        {dark.length > 0 && `; nobody could look into ${dark.join(', ')}`}.
      </p>
      <Table
        caption="Coverage findings"
        columns={findingColumns}
        rows={found.length}
        empty="The map and the stores agree."
      >
        {found.map((one) => (
          <tr key={`${one.systemId} ${one.code} ${one.where} ${one.path}`} data-finding={one.code}>
            <th scope="row">{one.systemId}</th>
            <td>
              <Badge tone={one.level === 'error' ? 'bad' : 'warn'}>{plain(one.code)}</Badge>
            </td>
            <td>{one.where}</td>
            <td className="number">{one.line}</td>
            <td>{one.message}</td>
          </tr>
        ))}
      </Table>
    </>
  )
}

function Versions({ map }: { map: DataMapAnswer }) {
  return (
    <Table
      caption="Versions that were ever in force, the latest first"
      columns={['Version', 'Digest'].map((title) => ({ title }))}
      rows={map.versions.length}
      empty="None."
    >
      {map.versions.map((one) => (
        <tr key={one.version}>
          <th scope="row">
            <Link to={`/data-map?version=${one.version}`} current={one.version === map.version}>
              version {one.version}
            </Link>
          </th>
          <td className="id">{one.digest}</td>
        </tr>
      ))}
    </Table>
  )
}
