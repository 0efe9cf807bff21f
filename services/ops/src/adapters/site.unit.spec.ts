import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { buildConsole } from '../../scripts/build-console.ts'
import { readSite, type Site, type SiteFile } from './site.js'

/** Gzipped bytes of the first load: the page and everything it names. */
function firstLoad({ page, assets }: Site): number {
  const named = [...assets].filter(([name]) => page.plain.includes(name)).map(([, file]) => file)
  return [page, ...named].reduce((sum, { gzipped }) => sum + gzipped.length, 0)
}
const MOST = 250_000

/** What the page's policy would not let run or show. */
function inlineIn(html: string): string[] {
  return [...html.matchAll(/<script(?![^>]*\bsrc=)[^>]*>|<style\b[^>]*>|\s(?:on[a-z]+|style)=["']/gi)].map(
    ([found]) => found,
  )
}

describe('the built console', async () => {
  const site = readSite(await buildConsole()) as Site
  const html = site.page.plain.toString('utf8')

  it('is loaded with 250 kB gzipped at most', () => {
    const bytes = firstLoad(site)
    expect(bytes).toBeGreaterThan(20_000)
    expect(bytes).toBeLessThanOrEqual(MOST)
  })

  it('would be found too large with a chart library in it', () => {
    const noise = Buffer.from(Array.from({ length: MOST }, (_, n) => (n * n * 2_654_435_761) >>> 13))
    const [[name, script]] = [...site.assets].filter(([one]) => one.endsWith('.js')) as [[string, SiteFile]]
    const large = { ...script, gzipped: gzipSync(Buffer.concat([script.plain, noise])) }
    expect(firstLoad({ ...site, assets: new Map(site.assets).set(name, large) })).toBeGreaterThan(MOST)
  })

  it('has nothing inline, which its policy would refuse', () => {
    expect(inlineIn(html)).toEqual([])
    for (const [name] of site.assets) if (html.includes(name)) expect(html).toContain(`"/assets/${name}"`)
    expect(inlineIn('<p style="color:red"><script>1</script><img onerror="x">')).toHaveLength(3)
  })

  it('is the production build of its libraries', () => {
    const scripts = [...site.assets].filter(([name]) => name.endsWith('.js'))
    const text = scripts.map(([, { plain }]) => plain.toString('utf8')).join('')
    expect(text).toContain('Minified React error')
    expect(text).not.toContain('Each child in a list should have a unique')
    expect(text).not.toContain('jsxDEV')
  })

  it('is null where it was not built', () => {
    const empty = mkdtempSync(join(tmpdir(), 'lethe-site-'))
    expect(readSite(empty)).toBeNull()
    rmSync(empty, { recursive: true })
  })
})
