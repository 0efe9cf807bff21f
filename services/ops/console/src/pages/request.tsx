import { type ReactNode, useEffect, useRef, useState } from 'react'
import type { DataMap, RequestDetail, Step } from '../../../src/adapters/http/answer-types.js'
import { useAnswer, useLive, useVersion } from '../live/hooks.js'
import { GAP_MS } from '../live/loader.js'
import { Badge, Moment, Unknown } from '../parts/known.js'
import { Answered, Page } from '../parts/page.js'
import { Table } from '../parts/table.js'
import { marksOf, sumsOf } from '../view/marks.js'
import { methodsOf } from '../view/methods.js'
import { grouped, plain, statusTone } from '../view/words.js'
import { RequestActions } from './request-actions.js'
import { Tasks } from './tasks.js'
import { Timeline } from './timeline.js'

/** Read anew whenever the feed tells a change of this request; every reading is audited. */
export function Request({ requestId }: { requestId: string }) {
  const version = useVersion(requestId)
  const figures = useLive((state) => (state.transport === 'polling' ? state.figures : 0))
  const answer = useAnswer<RequestDetail>(`/v1/requests/${requestId}`, [version, figures], GAP_MS.one)
  return (
    <Page title="Request" lead={<span className="id">{requestId}</span>}>
      <Answered answer={answer}>
        {(request) => (
          <>
            <Summary request={request} />
            <RequestActions request={request} />
            <Planned request={request} />
            <Retained systems={request.systems} />
            <Backups systems={request.systems} backupClear={request.backupClear} />
            <Timeline requestId={requestId} version={Math.max(version, request.version)} />
          </>
        )}
      </Answered>
    </Page>
  )
}

function Summary({ request }: { request: RequestDetail }) {
  return (
    <>
      <p className="status" data-status={request.status}>
        <Badge tone={statusTone(request.status)}>{plain(request.status)}</Badge>
      </p>
      <StatusTold status={request.status} />
      {request.advice !== null && (
        <p className="notice warn">
          <strong>{request.attention === null ? 'To do' : plain(request.attention.owner)}:</strong>{' '}
          {request.advice}
        </p>
      )}
      <dl>
        <Fact name="Due">
          <Moment at={request.dueAt} />
        </Fact>
        <Fact name="Received">
          <Moment at={request.receivedAt} />
        </Fact>
        <Fact name="Starts">
          <Moment at={request.runAt} />
        </Fact>
        <Fact name="Gone from live systems">
          <Moment at={request.liveErasedAt} />
        </Fact>
        <Fact name="Completed">
          <Moment at={request.completedAt} />
        </Fact>
        <Fact name="Gone from backups">
          <Moment at={request.backupClearAt} />
        </Fact>
        <Fact name="Systems done">
          {request.systemsDone} of {request.systemsTotal}
        </Fact>
        <Fact name="Tenant">{request.tenantId}</Fact>
        <Fact name="Regime">{request.regime}</Fact>
        <Fact name="Ground">{request.ground}</Fact>
        <Fact name="Came by">{request.channel}</Fact>
        <Fact name="Data map">
          {request.mapVersion === null ? 'not planned yet' : `version ${request.mapVersion}`}
        </Fact>
      </dl>
    </>
  )
}

const Fact = ({ name, children }: { name: string; children: ReactNode }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)

/** Tells a change of the status aloud, not the status that was there from the start. */
function StatusTold({ status }: { status: string }) {
  const first = useRef(status)
  const [told, setTold] = useState('')
  useEffect(() => {
    if (status !== first.current) setTold(`The request is now ${plain(status)}.`)
  }, [status])
  return (
    <p role="status" className="unseen">
      {told}
    </p>
  )
}

const stepColumns = [
  { title: 'Step' },
  { title: 'Method' },
  { title: 'Status' },
  { title: 'Requested' },
  { title: 'Erased' },
  { title: 'Probed' },
  { title: 'Backup-clear' },
  { title: 'Found', number: true },
  { title: 'Records erased', number: true },
  { title: 'Redacted', number: true },
  { title: 'Retained', number: true },
  { title: 'Failed', number: true },
  { title: 'Attempt', number: true },
  { title: 'Error' },
]

/** The methods are those of the map the plan was frozen from, not of the one in force. */
function Planned({ request }: { request: RequestDetail }) {
  const { mapVersion } = request
  const map = useAnswer<DataMap>(`/v1/data-map${mapVersion === null ? '' : `?version=${mapVersion}`}`, [])
  return (
    <>
      <Steps steps={request.steps} map={map.value} />
      <Tasks request={request} map={map.value} />
    </>
  )
}

function Steps({ steps, map }: { steps: readonly Step[]; map: DataMap | null }) {
  return (
    <Table
      caption="Plan: steps with their four marks"
      columns={stepColumns}
      rows={steps.length}
      empty="There is no plan yet."
    >
      {steps.map((step) => {
        const sums = sumsOf(step.counts)
        const last = steps.findLast(({ systemId }) => systemId === step.systemId)?.stepId ?? null
        return (
          <tr key={step.stepId} data-step={step.stepId}>
            <th scope="row">
              {step.stepId}
              <span className="faint">
                {' '}
                stage {step.stage}
                {step.after.length > 0 && `, after ${step.after.join(', ')}`}
              </span>
            </th>
            <td data-method>
              {methodsOf(map, step.systemId) ?? <Unknown code={map?.unknown ?? 'not_asked'} />}
            </td>
            <td>
              <Badge tone={statusTone(step.status)}>{plain(step.status)}</Badge>
            </td>
            {marksOf(step, last === step.stepId ? null : last).map((mark) => (
              <td key={mark.name} data-mark={mark.name}>
                <Badge tone={mark.tone}>{mark.text}</Badge> {mark.at !== null && <Moment at={mark.at} />}
              </td>
            ))}
            {Object.entries(sums).map(([name, n]) => (
              <td key={name} className="number">
                {grouped(n)}
              </td>
            ))}
            <td className="number">
              {step.attempt}
              {step.passes > 1 && <span className="faint"> in {step.passes} passes</span>}
            </td>
            <td>{step.errorCode ?? 'none'}</td>
          </tr>
        )
      })}
    </Table>
  )
}

function Retained({ systems }: { systems: RequestDetail['systems'] }) {
  const parts = systems.flatMap(({ systemId, detail }) =>
    detail.retained.map((part) => ({ systemId, ...part })),
  )
  if (parts.length === 0) return null
  return (
    <Table
      caption="What is kept, and why"
      columns={['System', 'What', 'Ground', 'Citation', 'Until'].map((title) => ({ title }))}
      rows={parts.length}
      empty=""
    >
      {parts.map((part) => (
        <tr key={`${part.systemId} ${part.category} ${part.ground}`}>
          <th scope="row">{part.systemId}</th>
          <td>{part.category}</td>
          <td>{part.ground}</td>
          <td>{part.citation}</td>
          <td>
            <Moment at={part.until} none="no date" />
          </td>
        </tr>
      ))}
    </Table>
  )
}

/** Until when a backup of each system could bring the person back. */
function Backups({ systems, backupClear }: { systems: RequestDetail['systems']; backupClear: boolean }) {
  const kept = systems.filter((one) => one.tombstone !== null)
  if (kept.length === 0) return null
  return (
    <Table
      caption="Backups, and until when the person is kept away from them"
      columns={['System', 'Erased again since', 'Backup-clear', 'Held until'].map((title) => ({ title }))}
      rows={kept.length}
      empty=""
    >
      {kept.map(({ systemId, tombstone }) => (
        <tr key={systemId} data-backups-of={systemId}>
          <th scope="row">{systemId}</th>
          <td>
            <Moment at={tombstone?.effectiveAt ?? null} />
          </td>
          <td>
            <Badge tone={backupClear ? 'good' : 'busy'}>{backupClear ? 'clear since' : 'clear on'}</Badge>{' '}
            <Moment at={tombstone?.expiresAt ?? null} />
          </td>
          <td>
            <Moment at={tombstone?.heldUntil ?? null} none="not held" />
          </td>
        </tr>
      ))}
    </Table>
  )
}
