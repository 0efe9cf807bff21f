import { openApi } from '@lethe/service-host'
import type { z } from 'zod'
import type * as answers from './answers.js'

// How one operation is described: what it takes, what it answers, how it can fail.

const { failures, parametersOf, ref, schemaOf } = openApi

type Json = Record<string, unknown>
type AnswerName = keyof typeof answers

export const reading = [400, 401, 403, 404, 405, 414, 503]
export const changing = [...reading, 409, 413, 415, 422, 429]

export const get = (
  operationId: string,
  summary: string,
  answer: AnswerName,
  query?: z.ZodObject,
  path: readonly Json[] = [],
): { get: Json } => ({
  get: {
    operationId,
    summary,
    parameters: [...path, ...(query ? parametersOf(query) : [])],
    responses: { 200: jsonAnswer(summary, answer), ...failures(reading) },
  },
})

const jsonAnswer = (description: string, answer: AnswerName): Json => ({
  description,
  content: { 'application/json': { schema: ref(answer) } },
})

/** Needed when the call is authorised by a session's cookie. */
export const csrfParameter: Json = {
  name: 'X-Lethe-Csrf',
  in: 'header',
  required: false,
  schema: { type: 'string' },
  description: "The session's own token, of GET /v1/session; needed with a cookie, not with a bearer token.",
}

export const post = (operation: {
  id: string
  summary: string
  body: z.ZodType
  answer: AnswerName
  status?: number
  path?: readonly Json[]
}): Json => ({
  operationId: operation.id,
  summary: operation.summary,
  parameters: [...(operation.path ?? []), csrfParameter],
  requestBody: {
    required: true,
    content: { 'application/json': { schema: schemaOf(operation.body) } },
  },
  responses: {
    [operation.status ?? 200]: jsonAnswer(operation.summary, operation.answer),
    ...failures(changing),
  },
})
