import { readFileSync } from 'node:fs'
import { HTTP_CODE_METADATA, METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js'
import { describe, expect, it } from 'vitest'
import { BackupsController } from './backups.controller.js'
import { CopiesController } from './copies.controller.js'
import { DrillsController } from './drills.controller.js'
import { documentedMethods, openApiDocument } from './openapi.js'
import { RestoresController } from './restores.controller.js'
import { ReviewsController } from './reviews.controller.js'
import { SelfController } from './self.controller.js'

interface Operation {
  readonly operationId: string
  readonly responses: Readonly<Record<string, unknown>>
}
const document = openApiDocument() as { openapi: string; paths: Record<string, Record<string, Operation>> }

const METHODS = ['get', 'post'] as const
const controllers = [
  RestoresController,
  BackupsController,
  CopiesController,
  DrillsController,
  ReviewsController,
  SelfController,
]
/** `POST /v1/restores/{restoreId}/open 200`: what Nest takes, and answers with when it goes well. */
const taken = controllers.flatMap((controller) => {
  const root = Reflect.getMetadata(PATH_METADATA, controller) as string
  return Object.getOwnPropertyNames(controller.prototype).flatMap((name) => {
    if (name === 'constructor') return []
    const handler = controller.prototype[name as never] as object
    const path = Reflect.getMetadata(PATH_METADATA, handler) as string | undefined
    if (path === undefined) return []
    const method = METHODS[Reflect.getMetadata(METHOD_METADATA, handler) as number]
    const status = (Reflect.getMetadata(HTTP_CODE_METADATA, handler) as number | undefined) ?? null
    const whole = `/${root}/${path}`.replace(/\/+$/, '').replace(/\/{2,}/g, '/')
    return [`${method} ${whole.replace(/:(\w+)/g, '{$1}')} ${status ?? (method === 'post' ? 201 : 200)}`]
  })
})

describe('the OpenAPI document of restore', () => {
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
      new URL('../../../../../schemas/restore.openapi.json', import.meta.url),
      'utf8',
    )
    expect(JSON.parse(committed)).toEqual(document)
  })

  it('has every operation of the service with the status it answers with, and no other', () => {
    const told = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, { responses }]) => {
        const good = Object.keys(responses).filter((status) => status.startsWith('2'))
        return `${method} ${path} ${good.join()}`
      }),
    )
    expect(taken.length).toBeGreaterThan(20)
    expect(told.sort()).toEqual([...taken].sort())
  })

  it('tells the methods of a path that another one would match as well', () => {
    const methods = documentedMethods()
    expect(methods('/v1/drills/check')).toEqual(['POST'])
    expect(methods('/v1/drills/0b8f4a6e-0000-4000-8000-000000000000')).toEqual(['GET'])
    expect(methods('/v1/restores')).toEqual(['GET', 'POST'])
    expect(methods('/v1/nothing')).toEqual([])
  })
})
