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

  it('names what is missing', () => {
    expect(() => eraserConfig({})).toThrow(ConfigError)
    expect(() => eraserConfig({})).toThrow(/LETHE_SYSTEM[\s\S]*LETHE_ROLE[\s\S]*LETHE_KAFKA/)
  })
})
