import { problems } from '@lethe/service-host'

// The ways an operation can fail, for the OpenAPI document.

type Json = Record<string, unknown>

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` })

/** Of everything that has a path: not well formed, too long. */
export const anywhere = [400, 405, 414]
export const behindTheGuard = [...anywhere, 401, 403, 404, 503]
export const withBody = [...behindTheGuard, 409, 413, 415, 422]

export const failures = (statuses: readonly number[]): Json =>
  Object.fromEntries(
    statuses.map((status) => [String(status), { $ref: `#/components/responses/Problem${status}` }]),
  )

export const problemSchema: Json = {
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

export const problemContent: Json = { content: { 'application/problem+json': { schema: ref('Problem') } } }
const meanings: Readonly<Record<number, string>> = {
  405: 'The path does not take this method; Allow says which it takes.',
  413: 'The body is larger than this service takes.',
  414: 'A part of the address is too long.',
  415: 'The body is not application/json.',
}

/** The titles of the problems that come with a status. */
export const problemText = (status: number): string =>
  meanings[status] ??
  Object.values(problems)
    .flatMap(([its, title]) => (its === status ? [title] : []))
    .join(' Or: ')

export const problemResponses = (): Json =>
  Object.fromEntries(
    withBody.map((status) => [
      `Problem${status}`,
      { description: problemText(status), ...(status === 405 ? allowHeader : {}), ...problemContent },
    ]),
  )
const allowHeader: Json = { headers: { Allow: { required: true, schema: { type: 'string' } } } }
