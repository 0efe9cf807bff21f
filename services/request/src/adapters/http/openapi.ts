import { problems } from '@lethe/service-host'
import { z } from 'zod'
import {
  clearanceBody,
  commandBodies,
  createBody,
  listQuery,
  mapCheckBody,
  previewBody,
  tombstonesBody,
  vaultBodies,
  verificationQuery,
} from './bodies.js'

type Json = Record<string, unknown>

const schemaOf = (shape: z.ZodType): Json => {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io: 'input', target: 'draft-2020-12' }) as Json
  return schema
}

const json = (schema: Json): Json => ({ content: { 'application/json': { schema } } })
const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })
const body = (shape: z.ZodType): Json => ({ requestBody: { required: true, ...json(schemaOf(shape)) } })
const answer = (description: string, schema: Json = { type: 'object' }): Json => ({
  description,
  ...json(schema),
})

const failures: Json = Object.fromEntries(
  ['400', '401', '403', '404', '409', '422', '429', '503'].map((status) => [
    status,
    { $ref: '#/components/responses/Problem' },
  ]),
)

function parametersOf(shape: z.ZodObject): Json[] {
  const schema = schemaOf(shape) as { properties?: Record<string, Json> }
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: 'query',
    required: false,
    schema: property,
  }))
}

const requestIdParameter: Json = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string', format: 'uuid' },
}

const get = (
  operationId: string,
  summary: string,
  extra: Json = {},
  ok: Json = { type: 'object' },
): Json => ({
  get: { operationId, summary, responses: { 200: answer(summary, ok), ...failures }, ...extra },
})

function commandPaths(): Json {
  return Object.fromEntries(
    Object.entries(commandBodies).map(([verb, shape]) => [
      `/v1/erasure-requests/{id}/${verb}`,
      {
        post: {
          operationId: verb,
          summary: `The request after "${verb}".`,
          parameters: [requestIdParameter],
          ...body(shape),
          responses: { 200: answer('The request after the command.', ref('ErasureRequest')), ...failures },
        },
      },
    ]),
  )
}

function requestPaths(): Json {
  const page = { type: 'object', required: ['items', 'nextCursor'] }
  const one = { parameters: [requestIdParameter] }
  return {
    '/v1/erasure-requests': {
      ...get('list', 'Requests of the caller, newest first.', { parameters: parametersOf(listQuery) }, page),
      post: {
        operationId: 'create',
        summary: 'Asks for the erasure of a person.',
        parameters: [
          {
            name: 'Idempotency-Key',
            in: 'header',
            required: true,
            schema: { type: 'string', minLength: 1, maxLength: 200 },
          },
        ],
        ...body(createBody),
        responses: {
          200: answer('The request this key already led to.', ref('ErasureRequest')),
          201: answer('A new request.', ref('ErasureRequest')),
          ...failures,
        },
      },
    },
    '/v1/erasure-requests/{id}': get('show', 'One request.', one, ref('ErasureRequest')),
    '/v1/erasure-requests/{id}/events': get('events', 'Its events, oldest first.', one),
    '/v1/erasure-requests/{id}/verification': get('verificationOf', 'What its probes found.', one),
    ...commandPaths(),
  }
}

const post = (operationId: string, summary: string, shape: z.ZodType): Json => ({
  post: { operationId, summary, ...body(shape), responses: { 200: answer(summary), ...failures } },
})

function otherPaths(): Json {
  const mapParameters = ['version', 'systemId'].map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  return {
    '/v1/previews': post(
      'preview',
      'Counts what is held about a person; changes and stores nothing.',
      previewBody,
    ),
    '/v1/map-check': {
      ...get('checkMap', 'The data map in force against the live stores; changes nothing.'),
      ...post('checkCandidateMap', 'A data map that is not in force against the live stores.', mapCheckBody),
    },
    '/v1/vault': get('vault', 'Epochs of the vault, and what is sealed under each; administrators only.'),
    '/v1/vault/rotate': post('rotateVault', 'A new epoch from now on.', vaultBodies.rotate),
    '/v1/vault/reseal': post('resealVault', 'Seals what an epoch is needed for anew.', vaultBodies.reseal),
    '/v1/vault/destroy': post('destroyEpoch', 'Destroys the key of an epoch.', vaultBodies.destroy),
    '/v1/vault/peppers': get('peppers', 'Peppers, and what was digested with each.'),
    '/v1/vault/peppers/rotate': post('rotatePepper', 'A new pepper.', vaultBodies.rotatePepper),
    '/v1/verification': get('verification', 'What probes found, per request and system.', {
      parameters: parametersOf(verificationQuery),
    }),
    '/v1/clearance': post('clearance', 'Clearance for passes of one system; erasers only.', clearanceBody),
    '/v1/tombstones': post(
      'tombstones',
      'Live tombstones of one system with identifiers; the restore service only.',
      tombstonesBody,
    ),
    '/v1/data-maps/{version}/systems/{systemId}': get(
      'dataMapSection',
      'One system of one version of the map.',
      {
        parameters: mapParameters,
      },
    ),
    '/v1/intake-key': get('intakeKey', 'Public key (JWK) for erasure.intake messages.', { security: [] }),
  }
}

const problemSchema: Json = {
  type: 'object',
  required: ['type', 'title', 'status', 'code'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(problems) },
    detail: { type: 'string' },
  },
}

const requestSchema: Json = {
  type: 'object',
  required: [
    'requestId',
    'tenantId',
    'subjectRef',
    'status',
    'version',
    'receivedAt',
    'dueAt',
    'steps',
    'links',
  ],
  properties: {
    requestId: { type: 'string', format: 'uuid' },
    tenantId: { type: 'string' },
    subjectRef: { type: 'string' },
    status: { type: 'string' },
    version: { type: 'integer' },
    receivedAt: { type: 'integer', description: 'Epoch milliseconds.' },
    dueAt: { type: 'integer', description: 'Epoch milliseconds.' },
    plan: { type: ['object', 'null'] },
    steps: { type: 'array', items: { type: 'object' } },
    links: { type: 'object' },
  },
}

/** This API as OpenAPI 3.1, made from the same zod shapes that check the bodies. */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: { title: 'Lethe request', version: '0.1.0' },
    security: [{ bearer: [] }],
    paths: { ...requestPaths(), ...otherPaths() },
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { ErasureRequest: requestSchema, Problem: problemSchema },
      responses: {
        Problem: {
          description: 'What went wrong, where, and what to do next.',
          content: { 'application/problem+json': { schema: ref('Problem') } },
        },
      },
    },
  }
}
