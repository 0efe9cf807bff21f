import { type MethodsOf, openApi } from '@lethe/service-host'
import type { z } from 'zod'
import * as answers from './answers.js'
import {
  beatBody,
  clearanceBody,
  commandBodies,
  createBody,
  importBody,
  listQuery,
  mapCheckBody,
  peppersBody,
  personBody,
  previewBody,
  tombstonesBody,
  vaultBodies,
  verificationQuery,
} from './bodies.js'
import { anywhere, behindTheGuard, withBody } from './problem-responses.js'

const { failures, methodsOfPaths, parametersOf, problemContent, problemText, ref, schemaOf } = openApi

type Json = Record<string, unknown>
type AnswerName = keyof typeof answers

const json = (schema: Json): Json => ({ content: { 'application/json': { schema } } })
const body = (shape: z.ZodType, example?: Json): Json => ({
  requestBody: {
    required: true,
    content: { 'application/json': { schema: schemaOf(shape), ...(example ? { example } : {}) } },
  },
})
const example: Json = {
  tenantId: 'acme',
  identifiers: [{ type: 'email', value: 'someone@example.com' }],
  requesterRole: 'self',
  identity: { method: 'signed_email_link' },
  graceDays: 7,
}
const ok = (description: string, answer: AnswerName): Json => ({
  200: { description, ...json(ref(answer)) },
})

/**
 * What can be asked about a request next, with the id its answer holds. Not what names a system or a hold as well:
 * that may be missing though the request is there.
 */
export const followUps = ['show', 'events', 'verificationOf', 'approve', 'refuse', 'hold', 'cancel', 'extend']
const followingLinks = (): Json =>
  Object.fromEntries(followUps.map((name) => [name, { $ref: `#/components/links/${name}` }]))

function links(): Json {
  const ofOne = (operationId: string): Json => ({
    operationId,
    parameters: { id: '$response.body#/requestId' },
  })
  return Object.fromEntries(followUps.map((name) => [name, ofOne(name)]))
}

const requestIdParameter: Json = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string', format: 'uuid', pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' },
}

const get = (operationId: string, summary: string, answer: AnswerName, extra: Json = {}): Json => ({
  get: {
    operationId,
    summary,
    responses: { ...ok(summary, answer), ...failures(behindTheGuard) },
    ...extra,
  },
})

const post = (
  operationId: string,
  summary: string,
  shape: z.ZodType,
  answer: AnswerName,
  extra: Json = {},
): Json => ({
  post: {
    operationId,
    summary,
    ...body(shape),
    responses: { ...ok(summary, answer), ...failures(withBody) },
    ...extra,
  },
})

const slowedDown = (): Json => ({
  429: {
    description: problemText(429),
    headers: { 'Retry-After': { required: true, schema: { type: 'string', pattern: '^[0-9]+$' } } },
    ...problemContent,
  },
})

/** A question about a person, of whom one may not be asked without end. */
const aboutSomebody = (operationId: string, summary: string, shape: z.ZodType, answer: AnswerName): Json =>
  post(operationId, summary, shape, answer, {
    responses: { ...ok(summary, answer), ...failures(withBody), ...slowedDown() },
  })

/** What is answered besides the request, or in its place. */
const commandAnswers: Readonly<Record<string, AnswerName>> = {
  hold: 'heldRequest',
  take: 'takenTask',
  evidence: 'evidence',
}

function commandPaths(): Json {
  const one = { parameters: [requestIdParameter] }
  return Object.fromEntries(
    Object.entries(commandBodies).map(([verb, shape]) => [
      `/v1/erasure-requests/{id}/${verb}`,
      post(verb, `The request after "${verb}".`, shape, commandAnswers[verb] ?? 'erasureRequest', one),
    ]),
  )
}

const createOperation = (): Json => ({
  operationId: 'create',
  summary: 'Asks for the erasure of a person.',
  parameters: [
    {
      name: 'Idempotency-Key',
      in: 'header',
      required: true,
      schema: { type: 'string', pattern: '^[!-~]{1,200}$' },
      example: '5f3c0c7e-2d4b-4a53-9a53-3b6f7a1c9d10',
    },
  ],
  ...body(createBody, example),
  responses: {
    200: {
      description: 'The request this key already led to.',
      ...json(ref('erasureRequest')),
      links: followingLinks(),
    },
    201: {
      description: 'A new request.',
      headers: { Location: { required: true, schema: { type: 'string' } } },
      ...json(ref('erasureRequest')),
      links: followingLinks(),
    },
    ...failures(withBody),
    ...slowedDown(),
  },
})

function requestPaths(): Json {
  const one = { parameters: [requestIdParameter] }
  return {
    '/v1/erasure-requests': {
      ...get('list', 'Requests of the caller, newest first.', 'requestPage', {
        parameters: parametersOf(listQuery),
      }),
      post: createOperation(),
    },
    '/v1/erasure-requests/{id}': get('show', 'One request.', 'erasureRequest', one),
    '/v1/erasure-requests/{id}/events': get('events', 'Its events, oldest first.', 'timeline', one),
    '/v1/erasure-requests/{id}/verification': get(
      'verificationOf',
      'What its probes found.',
      'verificationOfOne',
      one,
    ),
    ...commandPaths(),
  }
}

const pathParameter = (name: string, pattern: string): Json => ({
  name,
  in: 'path',
  required: true,
  schema: { type: 'string', pattern },
})

function otherPaths(): Json {
  return {
    '/v1/previews': aboutSomebody(
      'preview',
      'Counts what is held about a person; changes and stores nothing.',
      previewBody,
      'preview',
    ),
    '/v1/people/requests': aboutSomebody(
      'findRequests',
      'Requests made for a person, by the digests of what is given; officers only, audited.',
      personBody,
      'foundRequests',
    ),
    '/v1/people/where': aboutSomebody(
      'where',
      'Which sources hold a person, by which ids; officers only, audited; changes and stores nothing.',
      personBody,
      'whereabouts',
    ),
    '/v1/map-check': {
      ...get('checkMap', 'The data map in force against the live stores; changes nothing.', 'checkedMap'),
      ...post(
        'checkCandidateMap',
        'A data map that is not in force against the live stores.',
        mapCheckBody,
        'checkedMap',
      ),
    },
    '/v1/vault': get(
      'vault',
      'Epochs of the vault, and what is sealed under each; administrators only.',
      'vaultStatus',
    ),
    '/v1/vault/rotate': post('rotateVault', 'A new epoch from now on.', vaultBodies.rotate, 'rotatedVault'),
    '/v1/vault/reseal': post(
      'resealVault',
      'Seals what an epoch is needed for anew.',
      vaultBodies.reseal,
      'resealedEpoch',
    ),
    '/v1/vault/destroy': post(
      'destroyEpoch',
      'Destroys the key of an epoch.',
      vaultBodies.destroy,
      'destroyedEpoch',
    ),
    '/v1/vault/peppers': get('peppers', 'Peppers, and what was digested with each.', 'pepperStatus'),
    '/v1/vault/peppers/rotate': post(
      'rotatePepper',
      'A new pepper.',
      vaultBodies.rotatePepper,
      'rotatedPepper',
    ),
    '/v1/verification': get(
      'verification',
      'What probes found, per request and system.',
      'verificationPage',
      { parameters: parametersOf(verificationQuery) },
    ),
    '/v1/clearance': post(
      'clearance',
      'Clearance for passes of one system; erasers only.',
      clearanceBody,
      'clearance',
    ),
    '/v1/beats': post(
      'beat',
      'What a process of an eraser or a probe says of itself; of its own system only.',
      beatBody,
      'heard',
    ),
    '/v1/tombstones': post(
      'tombstones',
      'Live tombstones of one system with identifiers; the restore service only.',
      tombstonesBody,
      'tombstones',
    ),
    '/v1/tombstones/peppers': post(
      'tombstonePeppers',
      'What digests are made with, for a replay where only they are left; the restore service only.',
      peppersBody,
      'peppers',
    ),
    '/v1/tombstones/oldest': get(
      'oldestTombstone',
      'When the oldest live tombstone of its own system took effect; erasers only.',
      'oldestTombstone',
    ),
    '/v1/tombstones/import': post(
      'importTombstones',
      'People who were erased by other means stay away from restored stores; officers and administrators.',
      importBody,
      'importedTombstones',
    ),
    '/v1/data-maps/{version}/systems/{systemId}': get(
      'dataMapSection',
      'One system of one version of the map.',
      'mapSection',
      {
        parameters: [
          pathParameter('version', '^(current|[0-9]{1,9})$'),
          pathParameter('systemId', '^[a-z][a-z0-9-]{0,62}$'),
        ],
      },
    ),
    '/v1/intake-key': get('intakeKey', 'Public key (JWK) for erasure.intake messages.', 'publicKey', {
      security: [],
      responses: {
        ...ok('Public key (JWK) for erasure.intake messages.', 'publicKey'),
        ...failures(anywhere),
      },
    }),
  }
}

/** The methods each documented path takes, for the answer to any other. */
export const documentedMethods = (): MethodsOf => methodsOfPaths({ ...requestPaths(), ...otherPaths() })

/** This API as OpenAPI 3.1, made from the same zod shapes that check the bodies. */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: { title: 'Lethe request', version: '0.1.0' },
    security: [{ bearer: [] }],
    paths: { ...requestPaths(), ...otherPaths() },
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { ...openApi.schemasOf(answers), Problem: openApi.problemSchema },
      responses: openApi.problemResponses(withBody),
      links: links(),
    },
  }
}
