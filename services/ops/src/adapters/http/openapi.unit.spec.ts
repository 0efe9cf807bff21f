import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { verbs } from '../../domain/permissions.js'
import { documentedMethods, openApiDocument } from './openapi.js'

interface Operation {
  readonly operationId: string
}
const document = openApiDocument() as { openapi: string; paths: Record<string, Record<string, Operation>> }

describe('the OpenAPI document of ops', () => {
  it('is 3.1, has no reference without a target and no operation id twice', () => {
    expect(document.openapi).toBe('3.1.0')
    for (const [, path] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const target = (path as string)
        .split('/')
        .reduce<unknown>((at, part) => (at as never)?.[part], document)
      expect(target, path).toBeDefined()
    }
    const operations = Object.values(document.paths).flatMap((item) => Object.values(item))
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length)
  })

  it('is committed as it is', () => {
    const committed = readFileSync(
      new URL('../../../../../schemas/ops.openapi.json', import.meta.url),
      'utf8',
    )
    expect(JSON.parse(committed)).toEqual(document)
  })

  it('names every method a path takes, and no other', () => {
    const methods = documentedMethods()
    const id = '0b8f4a6e-0000-4000-8000-000000000000'
    const changing = Object.keys(document.paths).filter(
      (path) => methods(path.replace('{id}', id)).join() !== 'GET',
    )
    expect(changing.sort()).toEqual([
      '/v1/bulk',
      '/v1/bulk/{id}/run',
      '/v1/bulk/{id}/stop',
      '/v1/data-map/check',
      '/v1/dead-letters/redrive',
      '/v1/people/requests',
      '/v1/people/where',
      ...[...verbs].sort().map((verb) => `/v1/requests/{id}/${verb}`),
      '/v1/session',
    ])
    expect(methods(`/v1/requests/${id}/hold`)).toEqual(['POST'])
    expect(methods('/v1/session')).toEqual(['GET', 'POST', 'DELETE'])
    expect(methods('/v1/nothing')).toEqual([])
  })
})
