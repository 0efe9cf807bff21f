import type { Duplex } from 'node:stream'
import type { PoolClient } from 'pg'

/** Of a message: its kind, and its length, which counts itself and not the kind. */
const HEADER = 5
/** DataRow: the header, then how many columns there are. */
const DATA_ROW = 0x44
const COLUMNS = HEADER + 2
/** Up to there one byte after the other is copied faster than by a call. */
const SHORT = 64

type Listener = (chunk: Buffer) => void

/**
 * Keeps the rows of a connection's statements as the bytes they come as, because an object for each of millions costs
 * more than all that is done with them. Every other message goes to the driver, so statements are sent and end as ever;
 * their results have no rows. Columns are as in the protocol's DataRow: a length of 32 bits, -1 for null, and the text.
 */
export class RawRows {
  private readonly stream: Duplex
  private readonly driver: readonly Listener[]
  /** Of a message of which the rest has not come yet. */
  private begun: Buffer = Buffer.alloc(0)
  private kept = Buffer.allocUnsafeSlow(65_536)
  private used = 0

  /** Of a connection on which nothing is under way. */
  constructor(client: PoolClient) {
    this.stream = client.connection.stream as Duplex
    this.driver = this.stream.listeners('data') as Listener[]
    this.stream.removeAllListeners('data')
    this.stream.on('data', this.part)
  }

  /** The rows since it was last asked. */
  take(): Uint8Array {
    const rows = this.kept.subarray(0, this.used)
    this.kept = Buffer.allocUnsafeSlow(this.kept.length)
    this.used = 0
    return rows
  }

  /** The connection is as it was. */
  end(): void {
    this.stream.removeListener('data', this.part)
    for (const listener of this.driver) this.stream.on('data', listener)
    if (this.begun.length > 0) this.pass(this.begun)
  }

  private readonly part = (chunk: Buffer): void => {
    const bytes = this.begun.length === 0 ? chunk : Buffer.concat([this.begun, chunk])
    let at = 0
    while (at + HEADER <= bytes.length) {
      const behind = at + 1 + bytes.readUInt32BE(at + 1)
      if (behind > bytes.length) break
      if (bytes[at] === DATA_ROW) this.keep(bytes, at + COLUMNS, behind)
      else this.pass(bytes.subarray(at, behind))
      at = behind
    }
    this.begun = bytes.subarray(at)
  }

  private keep(bytes: Buffer, from: number, to: number): void {
    const { used } = this
    this.used += to - from
    if (this.used > this.kept.length) this.grow(used)
    const { kept } = this
    if (to - from > SHORT) bytes.copy(kept, used, from, to)
    else for (let n = 0; n < to - from; n++) kept[used + n] = bytes[from + n] as number
  }

  private grow(used: number): void {
    const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(this.used)))
    this.kept.copy(larger, 0, 0, used)
    this.kept = larger
  }

  private pass(message: Buffer): void {
    for (const listener of this.driver) listener.call(this.stream, message)
  }
}
