import { type MethodsOf, openApi } from '@lethe/service-host'
import type { z } from 'zod'
import * as answers from './answers.js'
import * as bodies from './bodies.js'

const { failures, methodsOfPaths, parametersOf, ref, schemaOf } = openApi

type Json = Record<string, unknown>
type AnswerName = keyof typeof answers

const reading = [400, 401, 403, 404, 405, 414, 503]
const changing = [...reading, 409, 413, 415]

const answered = (description: string, answer: AnswerName): Json => ({
  description,
  content: { 'application/json': { schema: ref(answer) } },
})

const get = (
  operationId: string,
  summary: string,
  answer: AnswerName,
  parameters: readonly Json[],
): Json => ({
  get: {
    operationId,
    summary,
    parameters,
    responses: { 200: answered(summary, answer), ...failures(reading) },
  },
})

/** `body` is null where none is read. */
const post = (operation: {
  readonly id: string
  readonly summary: string
  readonly answer: AnswerName
  readonly body: z.ZodType | null
  /** Whether it may be left out; an empty one then. */
  readonly bodyMayLack?: boolean
  readonly status?: number
  readonly parameters?: readonly Json[]
}): Json => {
  const { id, summary, answer, body, bodyMayLack = false, status = 200, parameters = [] } = operation
  const content = body && { 'application/json': { schema: schemaOf(body) } }
  return {
    post: {
      operationId: id,
      summary,
      parameters,
      ...(content ? { requestBody: { required: !bodyMayLack, content } } : {}),
      responses: { [status]: answered(summary, answer), ...failures(changing) },
    },
  }
}

const inPath = (name: string, shape: z.ZodType): Json => ({
  name,
  in: 'path',
  required: true,
  schema: schemaOf(shape),
})
const ofSystem = parametersOf(bodies.ofSystem)
const ofSystemOrAll = parametersOf(bodies.ofSystemOrAll)

const restorePaths = (): Json => {
  const one = [inPath('restoreId', bodies.name)]
  return {
    '/v1/gates/{systemId}': get(
      'gate',
      'Whether anybody may use a system: a service waits for it before it starts.',
      'gate',
      [inPath('systemId', bodies.name)],
    ),
    '/v1/restores': {
      ...get(
        'restores',
        'The last hundred restores, newest first, with their evidence.',
        'restores',
        ofSystem,
      ),
      ...post({
        id: 'announce',
        summary: 'A system comes back from a backup: its gate is shut. Idempotent where restoreId is given.',
        body: bodies.announceBody,
        answer: 'restore',
        status: 201,
      }),
    },
    '/v1/restores/{restoreId}': get('restore', 'One restore.', 'restore', one),
    '/v1/restores/{restoreId}/retry': post({
      id: 'retry',
      summary: 'Replays and probes one that waits once more.',
      body: null,
      answer: 'restore',
      parameters: one,
    }),
    '/v1/restores/{restoreId}/open': post({
      id: 'open',
      summary: 'Opens a gate that waits, whatever it waits for; officers only, kept for ever.',
      body: bodies.openBody,
      answer: 'restore',
      parameters: one,
    }),
    '/v1/sweeps': {
      ...get('sweeps', 'The last hundred sweeps, newest first.', 'sweeps', ofSystem),
      ...post({
        id: 'sweep',
        summary: 'Looks for everybody who stays absent from a system in use, now.',
        body: bodies.sweepBody,
        answer: 'sweep',
        status: 201,
      }),
    },
    '/v1/sweeps/{sweepId}': get('oneSweep', 'One sweep.', 'sweep', [inPath('sweepId', bodies.name)]),
  }
}

const backupPaths = (): Json => ({
  '/v1/backups': {
    ...get(
      'backups',
      'The catalogue of backups; all=true with those that are gone.',
      'backups',
      ofSystemOrAll,
    ),
    ...post({
      id: 'reportBackup',
      summary: 'Says what backup there is, or that it is gone. Idempotent by system and backup.',
      body: bodies.reportBody,
      answer: 'backup',
    }),
  },
  '/v1/reviews': get(
    'reviews',
    'Records that may be of somebody who came back; all=true with those that were decided.',
    'reviews',
    ofSystemOrAll,
  ),
  '/v1/reviews/{reviewId}/decide': post({
    id: 'decide',
    summary: 'Whose such records are: keep them or erase them; officers only, audited.',
    body: bodies.decideBody,
    answer: 'review',
    parameters: [inPath('reviewId', bodies.name)],
  }),
})

const copyPaths = (): Json => ({
  '/v1/copies/check': post({
    id: 'checkCopy',
    summary:
      'Whether a copy that is not in use can be worked on, and why it could not be called clean; audited.',
    body: bodies.checkCopyBody,
    answer: 'checkedCopy',
  }),
  '/v1/copies/replay': post({
    id: 'replayCopy',
    summary: 'Erases a page of those who stay absent from it; after is the cursor of the page before.',
    body: bodies.copyPageBody,
    answer: 'copyPage',
  }),
  '/v1/copies/probe': post({
    id: 'probeCopy',
    summary: 'Looks for a page of them in it, and changes nothing.',
    body: bodies.copyPageBody,
    answer: 'copyPage',
  }),
})

const drillPaths = (): Json => {
  const one = [inPath('drillId', bodies.drillId)]
  return {
    '/v1/drills': {
      ...get('drills', 'The last two hundred drills, newest first, with their evidence.', 'drills', ofSystem),
      ...post({
        id: 'startDrill',
        summary: 'Begins a drill; idempotent where drillId is given.',
        body: bodies.startDrillBody,
        answer: 'drill',
        status: 201,
      }),
    },
    // Before the next one, which would match it.
    '/v1/drills/check': post({
      id: 'checkDrill',
      summary: 'Whether a drill could be done. Changes nothing that stays.',
      body: bodies.checkDrillBody,
      answer: 'checkedDrill',
    }),
    '/v1/drills/{drillId}': get('drill', 'One drill.', 'drill', one),
    '/v1/drills/{drillId}/stop': post({
      id: 'stopDrill',
      summary: 'Asks for its end; what it made is cleared away first.',
      body: null,
      answer: 'drill',
      parameters: one,
    }),
  }
}

const selfPaths = (): Json => ({
  '/v1/self': get('self', "Whether Lethe's own database is the one it last worked with.", 'self', []),
  '/v1/self/restore': post({
    id: 'restoreSelf',
    summary: 'Rebuilds from the topics what a restored database has lost; officers only.',
    body: bodies.beginSelfBody,
    bodyMayLack: true,
    answer: 'self',
    status: 202,
  }),
})

const paths = (): Json => ({
  ...restorePaths(),
  ...backupPaths(),
  ...copyPaths(),
  ...drillPaths(),
  ...selfPaths(),
})

/** The methods each documented path takes, for the answer to any other. */
export const documentedMethods = (): MethodsOf => methodsOfPaths(paths())

/** This API as OpenAPI 3.1, made from the same zod shapes that check what is sent. */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: { title: 'Lethe restore', version: '0.1.0' },
    security: [{ bearer: [] }],
    paths: paths(),
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { ...openApi.schemasOf(answers), Problem: openApi.problemSchema },
      responses: openApi.problemResponses(changing),
    },
  }
}
