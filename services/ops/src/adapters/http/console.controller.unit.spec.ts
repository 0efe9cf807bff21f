import { gunzipSync, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Site, SiteFile } from '../site.js'
import { ConsoleController, contentPolicy } from './console.controller.js'

const fileOf = (text: string): SiteFile => ({
  type: 'text/html; charset=utf-8',
  plain: Buffer.from(text),
  gzipped: gzipSync(text),
})
const site: Site = { page: fileOf('the page'), assets: new Map([['index-abcd_-12.js', fileOf('a script')]]) }

function reply() {
  const sent = { headers: {} as Record<string, string>, body: Buffer.from('') as Buffer }
  const recorder = {
    headers(values: Readonly<Record<string, string>>) {
      Object.assign(sent.headers, values)
      return recorder
    },
    send(body: Buffer) {
      sent.body = body
    },
  }
  return { recorder, sent }
}

describe('the console as it is served', () => {
  const built = new ConsoleController({ built: site })

  it('has its policy on the page and on every file', () => {
    const { recorder, sent } = reply()
    built.page(undefined, recorder)
    expect(sent.body.toString()).toBe('the page')
    expect(sent.headers).toMatchObject({
      'content-security-policy': contentPolicy,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
    })
    const file = reply()
    built.asset('index-abcd_-12.js', 'br, gzip', file.recorder)
    expect(file.sent.headers).toMatchObject({
      'content-security-policy': contentPolicy,
      'content-encoding': 'gzip',
      'cache-control': expect.stringContaining('immutable'),
    })
    expect(gunzipSync(file.sent.body).toString()).toBe('a script')
  })

  it('allows nothing inline and nothing from elsewhere', () => {
    expect(contentPolicy).not.toMatch(/unsafe|https?:|data:|\*/)
    expect(contentPolicy).toMatch(/^default-src 'none';/)
  })

  it('gives no file it did not build, whatever the name', () => {
    for (const name of ['../index.html', '..%2Findex.html', 'constructor', ''])
      expect(() => built.asset(name, undefined, reply().recorder), name).toThrow(/no such file/)
  })

  it('says what to run where it was not built', () => {
    const unbuilt = new ConsoleController({ built: null })
    expect(() => unbuilt.page(undefined, reply().recorder)).toThrow(/npm run build/)
  })
})
