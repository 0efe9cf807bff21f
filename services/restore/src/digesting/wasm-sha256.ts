/*
 * SHA-256's compression function (FIPS 180-4, 6.2.2) for four messages at once, as WebAssembly with 128-bit vectors:
 * each 32-bit word of the standard is a vector here, with one message in each lane. Node's own hash functions cost a
 * call and objects for each message, which is ten times what hashing a short one takes.
 *
 * The module is written out by this file, byte by byte, as the WebAssembly core specification lays it out (5.4, 5.5).
 */

/** Square roots of the first 8 primes, and cube roots of the first 64: the first 32 bits behind the point. */
const primes = firstPrimes(64)
const fraction = (root: number): number => ((root - Math.floor(root)) * 2 ** 32) >>> 0
export const INITIAL: readonly number[] = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)))
const K: readonly number[] = primes.map((prime) => fraction(Math.cbrt(prime)))

function firstPrimes(count: number): number[] {
  const found: number[] = []
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n)
  return found
}

/** Words of a message's block, and of a state; a vector has 16 bytes. */
export const BLOCK_WORDS = 16
export const STATE_WORDS = 8
export const VECTOR = 16

/** What of the global object is used: neither the language's nor Node's types have it. */
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

type Code = readonly number[]

/** Unsigned LEB128. */
function leb(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest & 127) | 128)
  }
}

const simd = (opcode: number): Code => [0xfd, ...leb(opcode)]
const XOR = simd(81)
const OR = simd(80)
const SELECT = simd(82)
const SHL = simd(171)
const SHR = simd(173)
const ADD = simd(174)
/** Aligned to 16 bytes. */
const load = (offset: number): Code => [...simd(0), 4, ...leb(offset)]
const store = (offset: number): Code => [...simd(11), 4, ...leb(offset)]
const get = (local: number): Code => [0x20, ...leb(local)]
const set = (local: number): Code => [0x21, ...leb(local)]
/** Shift counts are below 32, so one byte of signed LEB128. */
const i32 = (value: number): Code => [0x41, value]

function splat(word: number): Code {
  const bytes = [word & 255, (word >>> 8) & 255, (word >>> 16) & 255, word >>> 24]
  return [...simd(12), ...bytes, ...bytes, ...bytes, ...bytes]
}

const rotated = (of: Code, by: number): Code => [
  ...of,
  ...i32(by),
  ...SHR,
  ...of,
  ...i32(32 - by),
  ...SHL,
  ...OR,
]
const shifted = (of: Code, by: number): Code => [...of, ...i32(by), ...SHR]
const xored = (a: Code, b: Code, c: Code): Code => [...a, ...b, ...XOR, ...c, ...XOR]

// Of one word, by name as in the standard (4.1.2).
const bigSigma0 = (x: Code) => xored(rotated(x, 2), rotated(x, 13), rotated(x, 22))
const bigSigma1 = (x: Code) => xored(rotated(x, 6), rotated(x, 11), rotated(x, 25))
const smallSigma0 = (x: Code) => xored(rotated(x, 7), rotated(x, 18), shifted(x, 3))
const smallSigma1 = (x: Code) => xored(rotated(x, 17), rotated(x, 19), shifted(x, 10))
const ch = (x: Code, y: Code, z: Code): Code => [...y, ...z, ...x, ...SELECT]
/** Where y and z agree they are the majority, else x is. */
const maj = (x: Code, y: Code, z: Code): Code => [...x, ...y, ...y, ...z, ...XOR, ...SELECT]

/** Parameters: where the state is, the block, and where the new state goes. */
const [STATE, BLOCK, OUT] = [0, 1, 2]
const A = 3
const W = A + STATE_WORDS
const LOCALS = STATE_WORDS + BLOCK_WORDS

function compression(): number[] {
  const code: number[] = []
  const add = (...parts: readonly Code[]) => {
    for (const part of parts) code.push(...part)
  }
  const w = (round: number): number => W + (round % BLOCK_WORDS)
  for (let n = 0; n < BLOCK_WORDS; n++) add(get(BLOCK), load(n * VECTOR), set(W + n))
  for (let n = 0; n < STATE_WORDS; n++) add(get(STATE), load(n * VECTOR), set(A + n))
  for (let round = 0; round < K.length; round++) {
    // Each round renames the words instead of moving them.
    const name = (n: number): number => A + ((n - round + 64) % STATE_WORDS)
    const [a, b, c, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7].map(name) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    if (round >= BLOCK_WORDS)
      add(
        get(w(round)),
        smallSigma0(get(w(round + 1))),
        ADD,
        get(w(round + 9)),
        ADD,
        smallSigma1(get(w(round + 14))),
        ADD,
        set(w(round)),
      )
    // h becomes the first temporary word, then what the standard calls the new a.
    add(
      get(h),
      get(w(round)),
      ADD,
      splat(K[round] ?? 0),
      ADD,
      bigSigma1(get(e)),
      ADD,
      ch(get(e), get(f), get(g)),
      ADD,
    )
    add(set(h), get(d), get(h), ADD, set(d))
    add(get(h), bigSigma0(get(a)), ADD, maj(get(a), get(b), get(c)), ADD, set(h))
  }
  for (let n = 0; n < STATE_WORDS; n++)
    add(get(OUT), get(A + n), get(STATE), load(n * VECTOR), ADD, store(n * VECTOR))
  return code
}

const V128 = 0x7b
const I32 = 0x7f
const text = (value: string): number[] => [...leb(value.length), ...Buffer.from(value)]
const section = (id: number, body: Code): number[] => [id, ...leb(body.length), ...body]

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const body = [1, ...leb(LOCALS), V128, ...compression(), 0x0b]
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 3, I32, I32, I32, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...text('memory'), 2, 0, ...text('compress'), 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  ])
}

export interface Compression {
  /** Of one page of 64 KiB, which is the caller's. */
  readonly memory: ArrayBuffer
  /** All three are offsets into the memory, divisible by 16. `out` may be `state`. */
  compress(state: number, block: number, out: number): void
}

/** A new one with a memory of its own. Null where this processor has no such vectors. */
export function openCompression(): Compression | null {
  const bytes = moduleBytes()
  if (!WebAssembly.validate(bytes)) return null
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes))
  const { memory, compress } = exports as unknown as {
    memory: { buffer: ArrayBuffer }
    compress: Compression['compress']
  }
  return { memory: memory.buffer, compress }
}
