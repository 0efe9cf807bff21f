import { type MethodsOf, openApi } from '@lethe/service-host'
import { z } from 'zod'
import { rolesFor, type Verb, verbs } from '../../domain/permissions.js'
import * as answers from './answers.js'
import { actionBodies, bulkBody, nothingBody, personBody, redriveBody, signInBody } from './bodies.js'
import { changing, csrfParameter, get, post, reading } from './openapi-operations.js'
import {
  bulkItemsQuery,
  changesQuery,
  dataMapQuery,
  deadLettersQuery,
  erasersQuery,
  exportQuery,
  freshness,
  gatesQuery,
  listQuery,
  matrixQuery,
  noQuery,
  requestIdPattern,
  restoresQuery,
  signInQuery,
  timelineQuery,
} from './queries.js'

const { failures, parametersOf } = openApi

type Json = Record<string, unknown>

const meaningOf: Readonly<Record<Verb, string>> = {
  approve: 'Approves what is waited for: an identity, the erasure itself, or more records than the ceiling.',
  refuse: 'Refuses; the data stays. The citation is shown to the person.',
  hold: 'Stops it. Says from when on nothing more is erased, and what already was.',
  release: 'Lifts one hold, or all.',
  extend: 'Extends the deadline, once, as far as the law allows.',
  cancel: 'Withdraws it, while nothing was erased.',
  retry: 'Has one system tried again.',
  reprobe: 'Has the probe of one system look again now.',
  take: 'Takes a task that a person does by hand: says whom it is about, and until when they may be at it.',
  attest: 'Marks such a task done, with its evidence, which is kept sealed.',
  evidence: 'What was given as evidence of such a task.',
}

const actionPaths = (): Json =>
  Object.fromEntries(
    verbs.map((verb) => [
      `/v1/requests/{id}/${verb}`,
      {
        post: post({
          id: verb,
          summary: `${meaningOf[verb]} For ${rolesFor(verb).join(', ')}; asked of request with the caller’s own credential, and audited.`,
          body: actionBodies[verb],
          answer: verb === 'evidence' ? 'evidence' : 'acted',
          path: [requestIdParameter],
        }),
      },
    ]),
  )

const bulkPaths = (): Json => ({
  '/v1/bulk': {
    ...get('bulkJobs', 'Actions on many requests, the newest first.', 'bulkJobs'),
    post: post({
      id: 'showBulk',
      summary:
        'Writes down which requests of a list it would be, up to 10,000, and what would hinder them. Nothing is done. For whom the action is; audited.',
      body: bulkBody,
      answer: 'bulkJob',
      status: 201,
    }),
  },
  '/v1/bulk/{id}': get('bulkJob', 'How far one of them is.', 'bulkJob', undefined, [requestIdParameter]),
  '/v1/bulk/{id}/items': get('bulkItems', 'What came of each request.', 'bulkItems', bulkItemsQuery, [
    requestIdParameter,
  ]),
  '/v1/bulk/{id}/run': {
    post: post({
      id: 'runBulk',
      summary:
        'Begins it, or resumes it where it stopped, with the caller’s own credential. The body is the action’s own, the same for each, and is kept nowhere.',
      body: z.looseObject({}),
      answer: 'bulkJob',
      status: 202,
      path: [requestIdParameter],
    }),
  },
  '/v1/bulk/{id}/stop': {
    post: post({
      id: 'stopBulk',
      summary: 'Nothing more of it is asked for; it can be resumed.',
      body: z.looseObject({}),
      answer: 'bulkJob',
      path: [requestIdParameter],
    }),
  },
})

const sessionPath = (): Json => ({
  ...get('session', 'Who is signed in, and until when.', 'session'),
  post: {
    ...post({
      id: 'signIn',
      summary: 'A session for the token of a service credential; its cookie is HttpOnly and SameSite=Strict.',
      body: signInBody,
      answer: 'session',
      status: 201,
    }),
    parameters: [],
    security: [],
  },
  delete: {
    operationId: 'signOut',
    summary: 'Ends the session.',
    parameters: [csrfParameter],
    responses: { 204: { description: 'It has ended.' }, ...failures(reading) },
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
  '/v1/overview': get(
    'overview',
    'What needs attention; each number with its list. `measuredAt` is of the oldest: lag may be five seconds older than asked for, dead letters ten.',
    'overview',
    freshness,
  ),
  '/v1/erasers': get(
    'erasers',
    'Erasers and probes of every system of the data map.',
    'erasers',
    erasersQuery,
  ),
  '/v1/gates': get('gates', 'Gates of the stores.', 'gates', gatesQuery),
  '/v1/restores': get(
    'restores',
    'Stores that came back from a backup, newest first: phase, progress, evidence. Names nobody.',
    'restores',
    restoresQuery,
  ),
  '/v1/drills': get(
    'drills',
    'Restore drills: which are due, and what came of those before; asked of restore with the caller’s own credential.',
    'drills',
    noQuery,
  ),
  '/v1/backups': get(
    'backups',
    'The catalogue of backups, asked of restore with the caller’s own credential.',
    'backups',
    noQuery,
  ),
  '/v1/dead-letters': get(
    'deadLetters',
    'Messages that were set aside and not redriven, by reference.',
    'deadLetters',
    deadLettersQuery,
  ),
  '/v1/dead-letters/{group}/{topic}/{partition}/{offset}': get(
    'deadLetter',
    `One of them with its headers and, where it could be decoded and is not known to be forged, what it holds. For ${rolesFor('look_into').join(', ')}; audited.`,
    'deadLetter',
    undefined,
    ['group', 'topic', 'partition', 'offset'].map((name) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
  ),
  '/v1/dead-letters/redrive': {
    post: post({
      id: 'redrive',
      summary: `Sends up to 1000 to their group again, at a rate, or says which. For ${rolesFor('redrive').join(', ')}; audited.`,
      body: redriveBody,
      answer: 'redriven',
    }),
  },
  '/v1/requests': get('requests', 'Requests of the caller’s tenants, in pages.', 'requestPage', listQuery),
  '/v1/requests.csv': {
    get: {
      operationId: 'requestsFile',
      summary:
        'The list as a file: every request that fits, without the person’s reference. Formulas are texts; audited.',
      parameters: parametersOf(exportQuery),
      responses: {
        200: { description: 'The file.', content: { 'text/csv': { schema: { type: 'string' } } } },
        ...failures([...reading, 429]),
      },
    },
  },
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
  '/v1/data-map': get(
    'dataMap',
    'The data map in force, or an older version: systems, elements, methods, steps.',
    'dataMap',
    dataMapQuery,
  ),
  '/v1/data-map/check': {
    post: post({
      id: 'checkDataMap',
      summary: `The map in force against the live stores, asked of request with the caller’s own credential; probes look. For ${rolesFor('check_map').join(', ')}; audited.`,
      body: nothingBody,
      answer: 'checkedMap',
    }),
  },
  '/v1/people/requests': {
    post: post({
      id: 'findPerson',
      summary: `Requests of a person who is named in the body; asked of request with the caller’s own credential, kept nowhere. For ${rolesFor('find_person').join(', ')}; audited.`,
      body: personBody,
      answer: 'personRequests',
    }),
  },
  '/v1/people/where': {
    post: post({
      id: 'where',
      summary: `Sources that hold a person who is named in the body, with their own ids; probes look, nothing is kept. For ${rolesFor('where').join(', ')}; audited.`,
      body: personBody,
      answer: 'where',
    }),
  },
  '/v1/verification': get(
    'verification',
    'What independent probes found, requests by systems; residues first, then what a probe could not tell.',
    'matrix',
    matrixQuery,
  ),
  ...actionPaths(),
  ...bulkPaths(),
  '/v1/session': sessionPath(),
  '/v1/sign-in': {
    get: { ...get('signInWays', 'How one can sign in.', 'signInWays').get, security: [] },
  },
  '/v1/session/oidc': {
    get: {
      operationId: 'signInAtProvider',
      summary: 'Sends the browser to the identity provider; authorization code with PKCE.',
      parameters: parametersOf(signInQuery),
      responses: { 302: { description: 'To the provider.' }, ...failures(reading) },
      security: [],
    },
  },
  '/v1/session/callback': {
    get: {
      operationId: 'signedInAtProvider',
      summary:
        'Where the provider sends the browser back to; ends at the console, with a session or why not.',
      parameters: ['code', 'state', 'iss', 'error'].map((name) => ({
        name,
        in: 'query',
        required: false,
        schema: { type: 'string' },
      })),
      responses: { 302: { description: 'To the console.' }, ...failures(reading) },
      security: [],
    },
  },
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
    '`overview` (as their own paths answer, without the partitions; no id), `bulk` (actions on many requests that are under way; no id), `reset` (too much was missed: read the ' +
    'lists again).',
  parameters: [{ name: 'Last-Event-ID', in: 'header', required: false, schema: { type: 'string' } }],
  responses: {
    200: { description: 'The stream.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
    ...failures(reading),
  },
})

/** The methods each documented path takes, for the answer to any other. */
export const documentedMethods = (): MethodsOf => openApi.methodsOfPaths(paths())

/** This API as OpenAPI 3.1, made from the same zod shapes that check the queries. */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: { title: 'Lethe ops', version: '0.1.0' },
    security: [{ bearer: [] }, { session: [] }],
    paths: paths(),
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: '__Host-lethe-session' },
      },
      schemas: { ...openApi.schemasOf(answers), Problem: openApi.problemSchema },
      responses: openApi.problemResponses(changing),
    },
  }
}
