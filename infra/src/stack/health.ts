import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** True when something accepts connections there. */
export function accepts(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host })
    const answer = (open: boolean) => {
      socket.destroy()
      resolve(open)
    }
    socket.setTimeout(1_000, () => answer(false))
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })
}

/** True when the URL answers with a 2xx within two seconds. */
export async function answersHttp(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    // Refused, reset or late: for a health check these are all "not yet".
    return false
  }
}

/** One command of the Redis protocol answered by +PONG. */
export function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('PING\r\n'))
    const answer = (healthy: boolean) => {
      socket.destroy()
      resolve(healthy)
    }
    socket.setTimeout(1_000, () => answer(false))
    socket.once('data', (bytes) => answer(bytes.toString().startsWith('+PONG')))
    socket.once('error', () => answer(false))
  })
}

/**
 * Polls until the condition holds. Rejects with what `late` returns when `deadlineMs` passed, and with
 * the signal's reason when it is aborted.
 */
export async function eventually(
  condition: () => Promise<boolean>,
  options: { deadlineMs: number; everyMs?: number; signal?: AbortSignal; late: () => Error },
): Promise<void> {
  const end = Date.now() + options.deadlineMs
  while (!(await condition())) {
    options.signal?.throwIfAborted()
    if (Date.now() > end) throw options.late()
    await delay(options.everyMs ?? 100, undefined, { signal: options.signal })
  }
}
