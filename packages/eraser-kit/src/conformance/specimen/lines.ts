import type { Socket } from 'node:net'

/** Calls back for every complete line a socket brings. */
export function lines(socket: Socket, each: (line: string) => void): void {
  let rest = ''
  socket.setEncoding('utf8').on('data', (text) => {
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) each(line)
  })
}
