import { ConfigError } from '@lethe/service-host'
import { describe, expect, it } from 'vitest'
import { eraserConfig } from './config.js'

const env = {
  LETHE_SYSTEM: 'shop-pg',
  LETHE_ROLE: 'probe',
  LETHE_PORT: '29111',
  LETHE_REQUEST_URL: 'http://127.0.0.1:29001',
  LETHE_TOKEN: 'a token of sixteen or more',
  LETHE_REGISTRY_URL: 'http://127.0.0.1:29081/apis/ccompat/v7',
  LETHE_KAFKA: '127.0.0.1:29092',
  LETHE_PROBE_TOKEN: 'another token of sixteen',
  SHOP_PG: 'postgres://probe@127.0.0.1/shop',
}

describe('the configuration of an eraser', () => {
  it('finds the connection under the name the data map gives', () => {
    const config = eraserConfig(env)
    expect(config).toMatchObject({ systemId: 'shop-pg', role: 'probe', port: 29111 })
    expect(config.secret('SHOP_PG')).toBe(env.SHOP_PG)
    expect(config.secret('SHOP_REDIS')).toBeUndefined()
  })

  it('does not start a probe that anybody could ask', () => {
    expect(() => eraserConfig({ ...env, LETHE_PROBE_TOKEN: '' })).toThrow(/LETHE_PROBE_TOKEN/)
  })

  it('names everything that is missing or wrong at once, Kafka and the probe token included', () => {
    const start = () => eraserConfig({ LETHE_ROLE: 'probe', LETHE_KAFKA_SASL: 'plain', LETHE_KAFKA: 'a:1' })
    expect(start).toThrow(ConfigError)
    expect(start).toThrow(
      /LETHE_SYSTEM: is missing[\s\S]*LETHE_TOKEN: is missing[\s\S]*LETHE_PROBE_TOKEN: [\s\S]*LETHE_KAFKA_PASSWORD/,
    )
    expect(() => eraserConfig({ ...env, LETHE_KAFKA_CA: '/nowhere/ca.pem' })).toThrow(/LETHE_KAFKA_CA: /)
  })

  it('keeps receipts for longer than any topic keeps the command they answer', () => {
    expect(eraserConfig(env).receiptsKeepMs).toBe(97 * 86_400_000)
    expect(() => eraserConfig({ ...env, LETHE_RECEIPTS_KEEP_DAYS: '30' })).toThrow(/LETHE_RECEIPTS_KEEP_DAYS/)
  })

  it('names what is missing', () => {
    expect(() => eraserConfig({})).toThrow(ConfigError)
    expect(() => eraserConfig({})).toThrow(/LETHE_SYSTEM[\s\S]*LETHE_ROLE[\s\S]*LETHE_KAFKA/)
  })
})
