export const COOKIES = Symbol('cookies')

/** A sign-in at a provider takes no longer. */
const BEGUN_S = 600

const secret = /^[A-Za-z0-9_-]{43}$/

/**
 * The cookie of a session: out of reach of scripts, sent to this site only and from its own pages only. Over TLS it
 * is bound to the host as well (`__Host-`); without, which is for one's own machine, its name says nothing of that.
 */
export class Cookies {
  readonly name: string
  private readonly begunName: string
  private readonly attributes: string
  private readonly begunAttributes: string

  /** @param publicUrl the address people type in; null: plain HTTP on this machine */
  constructor(publicUrl: string | null) {
    const secure = publicUrl?.startsWith('https://') === true
    this.name = secure ? '__Host-lethe-session' : 'lethe-session'
    this.attributes = `Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`
    this.begunName = `${this.name}-begun`
    // The provider's page sends the browser back: from another site, so Strict would leave it out.
    this.begunAttributes = `Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
  }

  /** The secret in a Cookie header; null where there is none, or more than one. */
  read(header: string | string[] | undefined): string | null {
    return this.found(this.name, header)
  }

  /** The secret of a sign-in that this browser began at a provider. */
  readBegun(header: string | string[] | undefined): string | null {
    return this.found(this.begunName, header)
  }

  private found(wanted: string, header: string | string[] | undefined): string | null {
    const found = String(header ?? '')
      .split(';')
      .map((pair) => pair.trim().split('='))
      .filter(([name]) => name === wanted)
      .map(([, value = '']) => value)
    return found.length === 1 && secret.test(found[0] as string) ? (found[0] as string) : null
  }

  /** Gone when the browser is closed; the session ends by itself before long. */
  set(value: string): string {
    return `${this.name}=${value}; ${this.attributes}`
  }

  clear(): string {
    return `${this.name}=; ${this.attributes}; Max-Age=0`
  }

  begin(value: string): string {
    return `${this.begunName}=${value}; ${this.begunAttributes}; Max-Age=${BEGUN_S}`
  }

  forgetBegun(): string {
    return `${this.begunName}=; ${this.begunAttributes}; Max-Age=0`
  }
}
