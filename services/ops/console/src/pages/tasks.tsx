import { useState } from 'react'
import type { DataMap, RequestDetail, Step } from '../../../src/adapters/http/answer-types.js'
import { Badge, Moment } from '../parts/known.js'
import { Table } from '../parts/table.js'
import { type TaskVerb, taskWords, verbWords } from '../view/tasks.js'
import { plain } from '../view/words.js'
import { TaskDialog } from './task-dialog.js'

/** What people do by hand for this request: whose turn it is, what to do, and what they said came of it. */
export function Tasks({ request, map }: { request: RequestDetail; map: DataMap | null }) {
  const [open, setOpen] = useState<{ readonly systemId: string; readonly verb: TaskVerb } | null>(null)
  const [told, setTold] = useState('')
  const steps = request.steps.filter(({ task }) => task !== undefined)
  if (steps.length === 0) return null
  return (
    <section aria-label="Tasks by hand">
      <Table
        caption="Tasks by hand: nobody but a person can erase or look there"
        columns={['System', 'State', 'What to do', 'Who', 'Due', 'Taken', 'What was said', 'Now'].map(
          (title) => ({
            title,
          }),
        )}
        rows={steps.length}
        empty=""
      >
        {steps.map((step) => (
          <TaskRow
            key={step.stepId}
            step={step}
            instructions={instructionsOf(map, step.systemId)}
            onOpen={(verb) => setOpen({ systemId: step.systemId, verb })}
          />
        ))}
      </Table>
      <p role="status">{told}</p>
      {open !== null && (
        <TaskDialog
          key={`${open.verb} ${open.systemId}`}
          requestId={request.requestId}
          held={request.status === 'ON_HOLD'}
          systemId={open.systemId}
          verb={open.verb}
          onClose={() => setOpen(null)}
          onTold={setTold}
        />
      )}
    </section>
  )
}

function TaskRow({
  step: { stepId, systemId, task },
  instructions,
  onOpen,
}: {
  step: Step
  instructions: string | null
  onOpen: (verb: TaskVerb) => void
}) {
  if (task === undefined) return null
  const { tone, text } = taskWords(task)
  return (
    <tr data-task={systemId} data-state={task.state}>
      <th scope="row">
        {systemId} <span className="faint">{stepId}</span>
      </th>
      <td>
        <Badge tone={tone}>{text}</Badge>
      </td>
      <td data-instructions>{instructions ?? 'not told yet; see the data map'}</td>
      <td>{plain(task.role)} or above</td>
      <td>
        <Moment at={task.dueAt} none="its turn has not come" />
      </td>
      <td>
        {task.taken === null ? (
          'by nobody'
        ) : (
          <>
            by {task.taken.by}, until <Moment at={task.taken.until} />
          </>
        )}
      </td>
      <td data-said>
        {task.attestation === null ? (
          'nothing yet'
        ) : (
          <>
            {plain(task.attestation.outcome)}
            {task.attestation.records > 0 && `, ${task.attestation.records} records`}, by{' '}
            {task.attestation.by}, <Moment at={task.attestation.doneAt} />
            {task.attestation.underHold && <strong> while a hold was in force</strong>}
          </>
        )}
      </td>
      <td>
        {task.actions.map((verb) => (
          <button key={verb} type="button" data-task-action={verb} onClick={() => onOpen(verb)}>
            {verbWords[verb].button} …<span className="unseen"> {systemId}</span>
          </button>
        ))}
      </td>
    </tr>
  )
}

function instructionsOf(map: DataMap | null, systemId: string): string | null {
  return map?.outline?.systems.find((one) => one.systemId === systemId)?.task?.instructions ?? null
}
