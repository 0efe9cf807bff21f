import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { commandBodies } from './bodies.js'
import { documentedMethods, followUps, openApiDocument } from './openapi.js'

interface Operation {
  readonly operationId: string
  readonly responses: Record<string, { content?: Record<string, { schema: unknown }> }>
}
const document = openApiDocument() as {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: Record<string, Record<string, unknown>>
}

describe('the OpenAPI document', () => {
  it('is 3.1 and describes every command', () => {
    expect(document.openapi).toBe('3.1.0')
    for (const verb of Object.keys(commandBodies)) {
      expect(document.paths).toHaveProperty([`/v1/erasure-requests/{id}/${verb}`, 'post'])
    }
  })

  it('has no reference without a target and no operation id twice', () => {
    const text = JSON.stringify(document)
    for (const [, path] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const target = (path as string)
        .split('/')
        .reduce<unknown>((at, part) => (at as never)?.[part], document)
      expect(target, path).toBeDefined()
    }
    const ids = Object.values(document.paths).flatMap((item) =>
      Object.values(item).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('gives every operation the form of its answer, and 405 among its failures', () => {
    for (const operation of Object.values(document.paths).flatMap((item) => Object.values(item))) {
      const { 200: answer, 405: wrongMethod } = operation.responses
      expect(answer?.content?.['application/json']?.schema, operation.operationId).toHaveProperty('$ref')
      expect(wrongMethod, operation.operationId).toBeDefined()
    }
  })

  it('links a new request to what can be asked about it, by operations of one request', () => {
    const ofOne = Object.entries(document.paths).filter(([path]) => path.includes('{id}'))
    const known = ofOne.flatMap(([, item]) => Object.values(item).map(({ operationId }) => operationId))
    const links = Object.values(document.components.links ?? {}) as { operationId: string }[]
    expect(links.map(({ operationId }) => operationId)).toEqual(followUps)
    for (const operationId of followUps) expect(known).toContain(operationId)
  })

  it('is committed as it is', () => {
    const committed = readFileSync(new URL('../../../../../schemas/openapi.json', import.meta.url), 'utf8')
    expect(JSON.parse(committed)).toEqual(document)
  })

  it.each([
    ['/v1/erasure-requests', ['GET', 'POST']],
    ['/v1/erasure-requests/0b8f4a6e-0000-4000-8000-000000000000/hold', ['POST']],
    ['/v1/vault/peppers', ['GET']],
    ['/v1/vault/peppers/rotate', ['POST']],
    ['/v1/tombstones', ['POST']],
    ['/v1/erasure-requests/1/hold/2', []],
    ['/v1/nothing', []],
  ])('knows the methods of %s', (path, methods) => {
    expect(documentedMethods()(path)).toEqual(methods)
  })
})
