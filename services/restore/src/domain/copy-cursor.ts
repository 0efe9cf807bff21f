/**
 * How far the pages of a copy have come. Whoever asks for them keeps it between two pages and sends it back; to them it
 * is a word.
 */
export interface CopyCursor {
  /** The last tombstone that was done; null when all are, and only those who were put off are left. */
  readonly after: string | null
  /** People who were put off so far, because only digests of them are left. */
  readonly later: number
}

/** No tombstone's id begins with it. */
const MARK = '~'

/** Of pages that put nobody off it is the last tombstone's id. */
export const cursorText = ({ after, later }: CopyCursor): string =>
  later === 0 && after !== null ? after : `${MARK}${later}${MARK}${after ?? MARK}`

/** Null for what is none. */
export function cursorOf(text: string): CopyCursor | null {
  if (!text.startsWith(MARK)) return { after: text, later: 0 }
  const parts = /^~(\d{1,15})~(.+)$/.exec(text)
  if (parts === null) return null
  const [, later = '', after = ''] = parts
  return { after: after === MARK ? null : after, later: Number(later) }
}
