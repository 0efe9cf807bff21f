// A probe that tells of a person in every way a careless process of Lethe could: its log, its metrics, its answers
// and its traces, each by the code every other process uses for it.
import { ServerResponse } from 'node:http'
import { redis } from '@lethe/connectors/redis'
import { runEraser } from '@lethe/eraser-kit'
import { counter, createLogger, pastSpan } from '@lethe/service-host'

const { CARELESS_EMAIL: email = '', CARELESS_USER: user = '' } = process.env
const logger = createLogger('probe.cache')
const seen = counter('careless_people_seen_total', 'People seen, by address.', ['address'])
const answer = ServerResponse.prototype.writeHead

ServerResponse.prototype.writeHead = function (this: ServerResponse, ...given: unknown[]) {
  this.setHeader('x-seen', email)
  logger.warn(`saw ${email}`)
  seen.inc({ address: email })
  const now = Date.now()
  pastSpan('probe.look', null, { startedAt: now, endedAt: now, attributes: { 'lethe.system.id': user } })
  return Reflect.apply(answer, this, given) as ServerResponse
} as typeof answer

await runEraser(redis)
