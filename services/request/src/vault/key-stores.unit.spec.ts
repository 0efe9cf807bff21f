import { randomBytes } from 'node:crypto'
import fs, { chmodSync, linkSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { keyStoreContract, onDisk } from '../testing/key-store-contract.js'
import { DurableFiles } from './durable-files.js'
import { KeyDirectory } from './key-directory.js'
import { KeyFile } from './key-file.js'
import { MasterKey, readMaster } from './master-key.js'
import { openKeyStore } from './open-key-store.js'

const keyFileText = (epochs: object) => JSON.stringify({ current: 'first', epochs, intake: { kty: 'EC' } })
const random = () => randomBytes(32).toString('base64url')

keyStoreContract('a key file', (folder) => {
  const path = join(folder, 'keys.json')
  writeFileSync(path, keyFileText({ first: random() }))
  return {
    folder,
    open: (files) => new KeyFile(path, files),
    traces: (name) => [Buffer.from((new KeyFile(path).find(name) as Buffer).toString('base64url'))],
  }
})

keyStoreContract('a key directory', (folder) => {
  const path = join(folder, 'keys')
  const master = new MasterKey(randomBytes(32))
  KeyDirectory.create(path, master, 'first', { kty: 'EC' })
  return {
    folder,
    open: (files) => new KeyDirectory(path, master, files),
    traces: (name) => [readFileSync(join(path, `${name}.key`))],
  }
})

describe('destroying', () => {
  const scratch = () => mkdtempSync(join(tmpdir(), 'lethe-keys-'))

  it('overwrites the bytes themselves: another name of the same file holds nothing any more', () => {
    const folder = scratch()
    const [path, copy] = [join(folder, 'secret'), join(folder, 'other-name')]
    writeFileSync(path, 'the secret')
    linkSync(path, copy)
    new DurableFiles().shred(path)
    expect(readFileSync(copy).includes('the secret')).toBe(false)
    expect(statSync(copy).size).toBe('the secret'.length)
    rmSync(folder, { recursive: true })
  })

  it('is seen to fail where bytes are only unlinked', () => {
    const folder = scratch()
    const [path, copy] = [join(folder, 'secret'), join(folder, 'other-name')]
    writeFileSync(path, 'the secret')
    linkSync(path, copy)
    const lazy = new DurableFiles({
      ...fs,
      writeSync: (_fd: number, bytes: NodeJS.ArrayBufferView | string) => Buffer.byteLength(bytes as Buffer),
    })
    lazy.shred(path)
    expect(readFileSync(copy).includes('the secret')).toBe(true)
    rmSync(folder, { recursive: true })
  })
})

describe('a key file', () => {
  it.each([
    ['{', 'is not JSON'],
    ['{}', 'malformed at: epochs'],
    [keyFileText({ first: 'c2hvcnQ' }), 'is not 32 bytes long'],
  ])('that reads %s is refused without being quoted', (text, why) => {
    const path = join(mkdtempSync(join(tmpdir(), 'lethe-keys-')), 'keys.json')
    writeFileSync(path, text)
    expect(() => new KeyFile(path)).toThrow(why)
  })

  it('keeps the intake key through every change, and is for its owner only', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'lethe-keys-')), 'keys.json')
    writeFileSync(path, keyFileText({ first: random() }))
    const store = new KeyFile(path)
    store.create('second')
    store.destroy('first')
    expect(new KeyFile(path).intakeJwk).toEqual({ kty: 'EC' })
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })
})

describe('a key directory', () => {
  it('holds nothing that opens without the master key, and refuses to start under another', () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'lethe-keys-')), 'keys')
    const store = KeyDirectory.create(folder, new MasterKey(randomBytes(32)), 'first', { d: 'private' })
    expect(store.intakeJwk).toEqual({ d: 'private' })
    const secret = store.find('first') as Buffer
    for (const trace of [secret, Buffer.from(secret.toString('base64url')), Buffer.from('private')])
      expect(onDisk(folder, trace)).toBe(false)
    expect(() => new KeyDirectory(folder, new MasterKey(randomBytes(32)))).toThrow(/does not open under this/)
  })

  it('refuses a file that was given another name', () => {
    const folder = join(mkdtempSync(join(tmpdir(), 'lethe-keys-')), 'keys')
    const master = new MasterKey(randomBytes(32))
    KeyDirectory.create(folder, master, 'first', {})
    linkSync(join(folder, 'first.key'), join(folder, 'second.key'))
    expect(() => new KeyDirectory(folder, master)).toThrow('second of the vault key directory does not open')
  })
})

describe('the master key', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lethe-master-'))
  const file = join(folder, 'master')
  writeFileSync(file, `${random()}\n`)

  it('comes from a file or from a command, which may ask a key management service', () => {
    const wrapped = readMaster({ file, command: null }).wrap('a', Buffer.from('x'))
    const same = readMaster({ file: null, command: `cat '${file}'` })
    expect(same.unwrap('a', wrapped).toString()).toBe('x')
  })

  it.each([
    [{ file: null, command: null }, /one of them/],
    [{ file, command: 'true' }, /one of them/],
    [{ file: '/nowhere', command: null }, /can't be read \(ENOENT\)/],
    [{ file: null, command: 'echo secret-word >&2; exit 7' }, /failed \(exit code 7\)/],
    [{ file: null, command: 'echo secret-word' }, /is not 32 bytes/],
  ])('from %j is refused, and nothing that came out is told', (source, why) => {
    expect(() => readMaster(source)).toThrow(why)
    expect(() => readMaster(source)).not.toThrow('secret-word\n')
  })

  it('is asked for when the path is a directory', () => {
    chmodSync(folder, 0o700)
    expect(() => openKeyStore(folder, { file: null, command: null })).toThrow(/needs LETHE_VAULT_MASTER/)
  })
})
