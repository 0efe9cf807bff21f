import { z } from 'zod'

const preparation = z.object({
  systemId: z.string(),
  restoreId: z.string(),
  /**
   * `first_start`: the gate was shut before the restored server's first start, so who answers behind it is the copy.
   * `running`: on a server that ran; the copy may not have come in yet.
   */
  way: z.enum(['first_start', 'running']),
  /** Roles that fill the database; their sessions are waited for, never ended. */
  restoring: z.array(z.string()),
  /** Further roles that get in, such as a probe's: nobody minds their sessions. */
  admitted: z.array(z.string()).default([]),
  /** Of a first start: what the gate's settings were before; null for none. */
  settings: z.record(z.string(), z.string().nullable()).default({}),
  /** Of a first start: the pg_hba file there was. */
  hbaFile: z.string().nullable().default(null),
})

/** What is known of a gate that was shut beforehand. */
export type Preparation = z.output<typeof preparation>

/** Whom the gate's rules refuse. pg_hba compares names only, and nobody is called that. */
const WORDS = { shut: 'all', open: '"-- nobody: the gate is open --"' } as const

/** The lines of a switch: what it was made for, as a comment, and whom the gate refuses. */
export const switchLines = (made: Preparation, state: 'shut' | 'open'): string[] => [
  `# ${JSON.stringify(made)}`,
  WORDS[state],
]

/** Anything but the word for shut counts as open: whoever breaks the glass need not know the other word. */
export function readSwitch(text: string): { made: Preparation | null; state: 'shut' | 'open' } {
  const lines = text.split('\n').map((line) => line.trim())
  const names = lines.filter((line) => line !== '' && !line.startsWith('#'))
  const state = names.includes(WORDS.shut) ? 'shut' : 'open'
  const comment = lines.find((line) => line.startsWith('# {'))
  const parsed = preparation.safeParse(comment === undefined ? null : jsonOf(comment.slice(2)))
  return { made: parsed.success ? parsed.data : null, state }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A comment that somebody edited says nothing; the gate works without it.
    return null
  }
}
