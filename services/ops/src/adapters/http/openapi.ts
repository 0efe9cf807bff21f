import { problems } from '@lethe/service-host'
import { z } from 'zod'
import * as answers from './answers.js'
import {
  changesQuery,
  deadLettersQuery,
  erasersQuery,
  freshness,
  gatesQuery,
  listQuery,
  requestIdPattern,
  timelineQuery,
} from './queries.js'

type Json = Record<string, unknown>
type AnswerName = keyof typeof answers

const schemaOf = (shape: z.ZodType, io: 'input' | 'output'): Json => {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io, target: 'draft-2020-12' }) as Json
  return schema
}

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })

function parametersOf(shape: z.ZodObject): Json[] {
  const { properties = {} } = schemaOf(shape, 'input') as { properties?: Record<string, Json> }
  return Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: false, schema }))
}

const failing = [400, 401, 403, 404, 405, 414, 503]
const meanings: Readonly<Record<number, string>> = {
  405: 'The path does not take this method; Allow says which it takes.',
  414: 'A part of the address is too long.',
}

const problemText = (status: number): string =>
  meanings[status] ??
  Object.values(problems)
    .flatMap(([its, title]) => (its === status ? [title] : []))
    .join(' Or: ')

const failures = (): Json =>
  Object.fromEntries(
    failing.map((status) => [String(status), { $ref: `#/components/responses/Problem${status}` }]),
  )

const problemResponses = (): Json =>
  Object.fromEntries(
    failing.map((status) => [
      `Problem${status}`,
      {
        description: problemText(status),
        ...(status === 405 ? { headers: { Allow: { required: true, schema: { type: 'string' } } } } : {}),
        content: { 'application/problem+json': { schema: ref('Problem') } },
      },
    ]),
  )

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

const get = (
  operationId: string,
  summary: string,
  answer: AnswerName,
  query?: z.ZodObject,
  path: readonly Json[] = [],
): Json => ({
  get: {
    operationId,
    summary,
    parameters: [...path, ...(query ? parametersOf(query) : [])],
    responses: {
      200: { description: summary, content: { 'application/json': { schema: ref(answer) } } },
      ...failures(),
    },
  },
})

const paths = (): Json => ({
  '/v1/lag': get('lag', 'How far everybody is behind; never lower than the truth.', 'lag', freshness),
  '/v1/at-risk': get(
    'atRisk',
    'Requests whose deadline the lag endangers, nearest deadline first, and when.',
    'atRisk',
    freshness,
  ),
  '/v1/overview': get('overview', 'What needs attention; each number with its list.', 'overview', freshness),
  '/v1/erasers': get(
    'erasers',
    'Erasers and probes of every system of the data map.',
    'erasers',
    erasersQuery,
  ),
  '/v1/gates': get('gates', 'Gates of the stores.', 'gates', gatesQuery),
  '/v1/dead-letters': get(
    'deadLetters',
    'Messages that were set aside and not redriven, by reference.',
    'deadLetters',
    deadLettersQuery,
  ),
  '/v1/requests': get('requests', 'Requests of the caller’s tenants, in pages.', 'requestPage', listQuery),
  '/v1/requests/{id}': get('request', 'One request; the look is audited.', 'requestDetail', undefined, [
    requestIdParameter,
  ]),
  '/v1/changes': get(
    'changes',
    'What happened to requests behind a place in the log; without one, where to begin.',
    'changePage',
    changesQuery,
  ),
  '/v1/stream': { get: streamOperation() },
  '/v1/requests/{id}/timeline': get(
    'timeline',
    'Its events, oldest first; the look is audited.',
    'timeline',
    timelineQuery,
    [requestIdParameter],
  ),
})

const requestIdParameter: Json = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string', pattern: requestIdPattern.source },
}

const streamOperation = (): Json => ({
  operationId: 'stream',
  summary: 'What happens, as server-sent events; ends after five minutes, and goes on behind Last-Event-ID.',
  description:
    'Events: `hello` (where the stream begins), `request` (a change, with its place in the log as id), `lag` and ' +
    '`overview` (as their own paths answer, without the partitions; no id), `reset` (too much was missed: read the ' +
    'lists again).',
  parameters: [{ name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } }],
  responses: {
    200: { description: 'The stream.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
    ...failures(),
  },
})

/** The methods each documented path takes, for the answer to any other. */
export function documentedMethods(): (path: string) => readonly string[] {
  const known = Object.keys(paths()).map((path) => new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}$`))
  return (path) => (known.some((expression) => expression.test(path)) ? ['GET'] : [])
}

/** This API as OpenAPI 3.1, made from the same zod shapes that check the queries. */
export function openApiDocument(): Json {
  const schemas = Object.entries(answers).map(([name, shape]) => [name, schemaOf(shape, 'output')])
  return {
    openapi: '3.1.0',
    info: { title: 'Lethe ops', version: '0.1.0' },
    security: [{ bearer: [] }],
    paths: paths(),
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { ...Object.fromEntries(schemas), Problem: problemSchema },
      responses: problemResponses(),
    },
  }
}
