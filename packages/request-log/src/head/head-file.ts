import { createHmac, timingSafeEqual } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** How far one partition's chain was. */
export interface HeadOfPartition {
  readonly partition: number
  readonly nextOffset: number
  readonly records: number
  /** Hex. */
  readonly hash: string
  readonly live: string
}

/** What is known outside Lethe's database of where it was. */
export interface Head {
  readonly incarnation: string
  /** Values of `restore.self.beat`: the last, the one before, and one that was about to be written. */
  readonly current: string | null
  readonly previous: string | null
  readonly pending: string | null
  /** Server, timeline and database: `<system identifier>/<timeline>/<oid>`. */
  readonly identity: string
  /** Epoch milliseconds. */
  readonly writtenAt: number
  readonly partitions: readonly HeadOfPartition[]
}

/** Where the head is kept, and what signs it. */
export interface HeadPlace {
  readonly file: string
  readonly secret: string
}

/** The head file is there and can not be believed; the message says what to do. */
export class HeadInvalid extends Error {
  readonly code = 'head_file_invalid'

  constructor(what: string) {
    super(
      `The head file ${what}. Put back the file that was there; without one: lethe restore self --accept, as docs/restore.md says.`,
    )
    this.name = 'HeadInvalid'
  }
}

/** Null when there is none. @throws HeadInvalid when it was not written by this installation, or changed since */
export function readHead({ file, secret }: HeadPlace): Head | null {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  const [body = '', mac = ''] = text.split('\n')
  const given = Buffer.from(mac)
  const expected = Buffer.from(macOf(secret, body))
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw new HeadInvalid('was changed, or signed with another secret')
  return JSON.parse(body) as Head
}

/** A reader sees the old one or the new one; after a power cut it is one of them too. */
export function writeHead({ file, secret }: HeadPlace, head: Head): void {
  const body = JSON.stringify(head)
  const next = `${file}.${process.pid}.next`
  const handle = openSync(next, 'w', 0o600)
  try {
    // Not writeSync: a disk that fills up takes a part and says nothing.
    writeFileSync(handle, `${body}\n${macOf(secret, body)}\n`)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(next, file)
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

const macOf = (secret: string, body: string): string =>
  createHmac('sha256', secret).update(`lethe.head.1\n${body}`).digest('base64url')
