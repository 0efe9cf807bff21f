import { describe, expect, it } from 'vitest'
import { runTool } from './run-tool.js'

const tool = { folders: undefined, signal: new AbortController().signal }

describe("a store's own tool", () => {
  it('that is not here, or fails, says what to do and repeats nothing it printed but what the advice takes of it', async () => {
    await expect(runTool({ ...tool, name: 'no-such-tool', args: [] })).rejects.toMatchObject({
      code: 'tool_missing',
      message: expect.stringContaining('LETHE_DRILL_TOOLS'),
    })
    const failing = { ...tool, name: 'sh', args: ['-c', 'echo COPY users: ada@example.com >&2; exit 3'] }
    const failed = await runTool({
      ...failing,
      advise: (text) => (/users/.test(text) ? 'Look at users.' : undefined),
    }).catch((error: Error) => error.message)
    expect(failed).toBe('sh ended with 3. Look at users.')
  })

  it('gets none of the service’s environment, and ends when it is told to', async () => {
    process.env.LETHE_SPEC_SECRET = 'hunter2'
    const env = await runTool({ ...tool, name: 'env', args: [], env: { PGPASSWORD: 'p' } })
    expect(env).toContain('PGPASSWORD=p')
    expect(env).not.toContain('hunter2')
    const stopping = new AbortController()
    const running = runTool({ ...tool, name: 'sleep', args: ['600'], signal: stopping.signal })
    stopping.abort(new Error('enough'))
    await expect(running).rejects.toThrow('enough')
  })
})
