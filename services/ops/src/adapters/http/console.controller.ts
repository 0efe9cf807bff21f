import { problem } from '@lethe/service-host'
import { Controller, Get, Headers, Inject, Param, Res } from '@nestjs/common'
import type { Site, SiteFile } from '../site.js'

export const SITE = Symbol('site')

interface RawReply {
  headers(values: Readonly<Record<string, string>>): RawReply
  send(body: Buffer): unknown
}

/**
 * Nothing inline, nothing from elsewhere, nothing that makes markup of a text, no frame around it, and no form that
 * puts what was typed into an address.
 */
export const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const guarded = {
  'content-security-policy': contentPolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  vary: 'accept-encoding',
}

/** Where the console has a page; `/restores` is not `/v1/restores`. */
const PAGES = [
  '',
  'lag',
  'at-risk',
  'requests',
  'requests/:id',
  'bulk',
  'bulk/:id',
  'verification',
  'where',
  'erasers',
  'restores',
  'gates',
  'data-map',
  'dead-letters',
]

/** A name that holds a digest of what it names. */
const digested = /-[A-Za-z0-9_-]{8}\.(js|css)$/

/** The console's page at each of its addresses, and its files. They hold no data, so they need no credential. */
@Controller()
export class ConsoleController {
  constructor(@Inject(SITE) private readonly site: { readonly built: Site | null }) {}

  @Get(PAGES)
  page(@Headers('accept-encoding') accepted: string | undefined, @Res() reply: RawReply): void {
    send(reply, this.built().page, accepted, 'no-cache')
  }

  @Get('assets/:name')
  asset(
    @Param('name') name: string,
    @Headers('accept-encoding') accepted: string | undefined,
    @Res() reply: RawReply,
  ): void {
    const file = this.built().assets.get(name)
    if (file === undefined) throw problem('not_found', 'The console has no such file. Load its page anew.')
    send(
      reply,
      file,
      accepted,
      digested.test(name) ? 'public, max-age=31536000, immutable' : 'public, max-age=3600',
    )
  }

  private built(): Site {
    if (this.site.built !== null) return this.site.built
    throw problem(
      'not_found',
      'The console was not built. Run "npm run build" and start this service anew; the API works without it.',
    )
  }
}

function send(reply: RawReply, file: SiteFile, accepted: string | undefined, caching: string): void {
  const packed = /\bgzip\b/.test(accepted ?? '')
  reply
    .headers({
      ...guarded,
      'content-type': file.type,
      'cache-control': caching,
      ...(packed ? { 'content-encoding': 'gzip' } : {}),
    })
    .send(packed ? file.gzipped : file.plain)
}
