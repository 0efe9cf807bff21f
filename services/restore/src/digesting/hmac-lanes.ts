import { createHash, createHmac } from 'node:crypto'
import {
  BLOCK_WORDS,
  type Compression,
  INITIAL,
  openCompression,
  STATE_WORDS,
  VECTOR,
} from './wasm-sha256.js'

/** Messages that are hashed at once. */
export const LANES = 4
const BLOCK_BYTES = 64
/** Longest message is this many blocks, padding included. */
const MOST_BLOCKS = 4
export const LONGEST = MOST_BLOCKS * BLOCK_BYTES - 9
/** Bytes of the array a message is given in. */
export const ROOM = MOST_BLOCKS * BLOCK_BYTES

const STATE = STATE_WORDS * VECTOR
const BLOCK = BLOCK_WORDS * VECTOR

/** What HMAC starts from under one key (RFC 2104): the states behind the block of the key, inner and outer. */
interface Key {
  readonly inner: number
  readonly outer: number
}

/** What many messages begin with; told from others by identity. */
export interface Head {
  readonly bytes: Uint8Array
}

/** Keys that fit into the memory of one set of lanes. */
export const MOST_KEYS = 64

/** Longer than a block. */
const SAMPLE = Buffer.alloc(BLOCK_BYTES + 1, 'sample')

/** Which message (its tag), under which key, in which lane, and the first two words of its digest. */
type Told = (tag: number, key: number, lane: number, one: number, two: number) => void

/**
 * HMAC-SHA256 of short messages, four at once, by their first eight bytes. Messages wait until there are four that take
 * as many blocks; `flush` ends what waits.
 */
export class HmacLanes {
  private readonly words: Uint32Array
  private readonly keys: readonly Key[]
  private readonly waiting = new Uint8Array(MOST_BLOCKS)
  private readonly tags = Array.from({ length: MOST_BLOCKS }, () => new Float64Array(LANES))
  /** By block count and lane: what the message there begins with, and behind which word nothing of it stands. */
  private readonly heads: (Head | null)[] = Array.from({ length: MOST_BLOCKS * LANES }, () => null)
  private readonly ends: Uint8Array
  private readonly outerBlock: number
  private readonly out: number
  private readonly blocks: readonly number[]

  private constructor(
    private readonly engine: Compression,
    secrets: readonly string[],
    private readonly told: Told,
  ) {
    this.words = new Uint32Array(engine.memory)
    let free = 0
    const take = (bytes: number): number => {
      free += bytes
      return free - bytes
    }
    this.out = take(STATE)
    this.outerBlock = take(BLOCK)
    const scratch = take(BLOCK)
    this.blocks = Array.from({ length: MOST_BLOCKS }, (_, n) => take((n + 1) * BLOCK))
    // What stands there before the first message nobody knows; the last word is written with each.
    this.ends = Uint8Array.from(this.heads, (_, place) => ((place >>> 2) + 1) * BLOCK_WORDS - 1)
    const initial = take(STATE)
    for (const [n, word] of INITIAL.entries()) this.fill(initial, n, word)
    this.keys = secrets.map((secret) => {
      const key: Key = { inner: take(STATE), outer: take(STATE) }
      this.startFrom(initial, scratch, keyBlock(secret, 0x36), key.inner)
      this.startFrom(initial, scratch, keyBlock(secret, 0x5c), key.outer)
      return key
    })
    this.words.fill(0, scratch / 4, (scratch + BLOCK) / 4)
    // Behind the inner digest: the padding of a message of a block and 32 bytes.
    this.fill(this.outerBlock, STATE_WORDS, 0x80000000)
    for (let n = STATE_WORDS + 1; n < BLOCK_WORDS - 1; n++) this.fill(this.outerBlock, n, 0)
    this.fill(this.outerBlock, BLOCK_WORDS - 1, (BLOCK_BYTES + 32) * 8)
  }

  /** Null where this processor has no vectors or computes otherwise than Node, or there are too many secrets. */
  static open(secrets: readonly string[], told: Told): HmacLanes | null {
    const engine = secrets.length > MOST_KEYS ? null : openCompression()
    return engine && HmacLanes.isRight(engine, secrets) ? new HmacLanes(engine, secrets, told) : null
  }

  /** Whoever is digested wrongly is missed, and nobody would notice: so it is tried first. */
  private static isRight(engine: Compression, secrets: readonly string[]): boolean {
    const right = new Set<number>()
    const lanes: HmacLanes = new HmacLanes(engine, secrets, (_tag, key, lane) => {
      const digest = createHmac('sha256', secrets[key] ?? '')
        .update(SAMPLE)
        .digest()
      if (lanes.digest(lane).equals(digest)) right.add(key)
    })
    const room = new Uint8Array(ROOM)
    room.set(SAMPLE)
    lanes.add(room, SAMPLE.length, 0)
    lanes.flush()
    return right.size === secrets.length
  }

  /**
   * @param message of `ROOM` bytes, of which the first `length` are hashed, at most `LONGEST`; those behind are overwritten
   * @param head what the message begins with, where others begin with the same: it is not written again
   */
  add(message: Uint8Array, length: number, tag: number, head: Head | null = null): void {
    const blocks = (length + 8) >>> 6
    const lane = this.waiting[blocks] as number
    const place = blocks * LANES + lane
    const last = (blocks + 1) * BLOCK_WORDS - 1
    const end = (length >>> 2) + 1
    message[length] = 0x80
    for (let n = length + 1; n < end * 4; n++) message[n] = 0
    const isBegun = head !== null && this.heads[place] === head
    this.write(place, message, isBegun ? head.bytes.length >>> 2 : 0, end)
    this.heads[place] = head
    this.words[(this.blocks[blocks] as number) / 4 + lane + last * LANES] = (BLOCK_BYTES + length) * 8
    const tags = this.tags[blocks] as Float64Array
    tags[lane] = tag
    this.waiting[blocks] = lane + 1
    if (lane + 1 === LANES) this.run(blocks)
  }

  /** Words of a message, from one up to another; nothing stays behind them of the message that stood there. */
  private write(place: number, message: Uint8Array, from: number, end: number): void {
    const { words, ends } = this
    let to = (this.blocks[place >>> 2] as number) / 4 + (place & 3) + from * LANES
    for (let at = from * 4; at < end * 4; at += 4, to += LANES)
      words[to] =
        ((message[at] as number) << 24) |
        ((message[at + 1] as number) << 16) |
        ((message[at + 2] as number) << 8) |
        (message[at + 3] as number)
    for (let n = end; n < (ends[place] as number); n++, to += LANES) words[to] = 0
    ends[place] = end
  }

  flush(): void {
    for (let blocks = 0; blocks < MOST_BLOCKS; blocks++) this.run(blocks)
  }

  private run(blocks: number): void {
    const lanes = this.waiting[blocks] as number
    if (lanes === 0) return
    this.waiting[blocks] = 0
    const { engine, words, outerBlock, out } = this
    const base = this.blocks[blocks] as number
    const tags = this.tags[blocks] as Float64Array
    for (let key = 0; key < this.keys.length; key++) {
      const { inner, outer } = this.keys[key] as Key
      engine.compress(inner, base, outerBlock)
      for (let n = 1; n <= blocks; n++) engine.compress(outerBlock, base + n * BLOCK, outerBlock)
      engine.compress(outer, outerBlock, out)
      for (let lane = 0; lane < lanes; lane++)
        this.told(
          tags[lane] as number,
          key,
          lane,
          words[out / 4 + lane] as number,
          words[out / 4 + LANES + lane] as number,
        )
    }
  }

  /** All of the digest that is being told. */
  digest(lane: number): Buffer {
    const digest = Buffer.allocUnsafe(STATE_WORDS * 4)
    for (let n = 0; n < STATE_WORDS; n++)
      digest.writeUInt32BE(this.words[this.out / 4 + n * LANES + lane] as number, n * 4)
    return digest
  }

  /** The state behind the first block of a key. */
  private startFrom(initial: number, scratch: number, block: Buffer, to: number): void {
    for (let n = 0; n < BLOCK_WORDS; n++) this.fill(scratch, n, block.readUInt32BE(n * 4))
    this.engine.compress(initial, scratch, to)
  }

  /** The same word in all lanes. */
  private fill(base: number, word: number, value: number): void {
    const at = base / 4 + word * LANES
    this.words.fill(value, at, at + LANES)
  }
}

function keyBlock(secret: string, pad: number): Buffer {
  const key = Buffer.from(secret)
  const block = Buffer.alloc(BLOCK_BYTES)
  ;(key.length > BLOCK_BYTES ? createHash('sha256').update(key).digest() : key).copy(block)
  return block.map((byte) => byte ^ pad) as Buffer
}
