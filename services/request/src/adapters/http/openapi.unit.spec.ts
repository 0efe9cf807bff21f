import { describe, expect, it } from 'vitest'
import { commandBodies } from './bodies.js'
import { openApiDocument } from './openapi.js'

const document = openApiDocument() as {
  openapi: string
  paths: Record<string, Record<string, { operationId: string }>>
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
})
