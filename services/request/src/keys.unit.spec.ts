import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createKeyDirectory, createKeyFile } from './keys.js'
import { IntakeKey } from './vault/intake-key.js'
import { openKeyStore } from './vault/open-key-store.js'
import { seal, unseal } from './vault/seal.js'

let folder: string
const at = (name: string) => join(folder, name)
const day = new Date('2026-11-21T23:59:59Z')
const mode = (path: string) => statSync(path).mode & 0o777
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lethe-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('a new key directory', () => {
  const open = (file = at('master')) => openKeyStore(at('keys'), { file, command: null })

  it('has one epoch named after the day and an intake key, wrapped, and is for its owner only', async () => {
    await createKeyDirectory(at('keys'), at('master'), day)
    const store = open()
    expect(store.names()).toEqual(['2026-11-21'])
    await expect(IntakeKey.from(store.intakeJwk)).resolves.toBeInstanceOf(IntakeKey)
    expect([mode(at('keys')), mode(at('master'))]).toEqual([0o700, 0o600])
    expect(readdirSync(at('keys')).sort()).toEqual(['2026-11-21.key', 'intake.jwk'])
    const secrets = [store.find('2026-11-21') as Buffer, Buffer.from(String(store.intakeJwk?.d), 'base64url')]
    for (const name of readdirSync(at('keys'))) {
      const bytes = readFileSync(join(at('keys'), name))
      for (const secret of secrets)
        for (const form of [
          secret,
          ...(['base64url', 'base64', 'hex'] as const).map((as) => secret.toString(as)),
        ])
          expect(bytes.includes(form)).toBe(false)
    }
  })

  it('would be seen to hold its keys in plain text: the same look finds them in a key file', async () => {
    await createKeyFile(at('file'), day)
    const key = openKeyStore(at('file'), { file: null, command: null }).find('2026-11-21') as Buffer
    expect(readFileSync(at('file')).includes(key.toString('base64url'))).toBe(true)
    expect(mode(at('file'))).toBe(0o600)
  })

  it('opens under the master key that was there before, which is kept, and under no other', async () => {
    await createKeyDirectory(at('other'), at('master'), day)
    const master = readFileSync(at('master'), 'utf8')
    await createKeyDirectory(at('keys'), at('master'), day)
    expect(readFileSync(at('master'), 'utf8')).toBe(master)
    const context = { requestId: 'r', systemId: 's' }
    const keyOf = (store: ReturnType<typeof open>) => ({
      find: (epoch: string) => ({ epoch, key: store.find(epoch) as Buffer }),
    })
    const sealed = seal(keyOf(open()).find('2026-11-21'), context, Buffer.from('who'))
    expect(unseal(keyOf(open()), context, sealed).toString()).toBe('who')
    writeFileSync(at('wrong'), `${Buffer.alloc(32, 7).toString('base64url')}\n`)
    expect(() => open(at('wrong'))).toThrow(/does not open under this master key/)
  })

  it('is never written over what exists, nor made under a master key that is none', async () => {
    await createKeyDirectory(at('keys'), at('master'), day)
    const key = open().find('2026-11-21')
    await expect(createKeyDirectory(at('keys'), at('master'), day)).rejects.toThrow(/EEXIST/)
    expect(open().find('2026-11-21')).toEqual(key)
    writeFileSync(at('short'), 'c2hvcnQ\n')
    await expect(createKeyDirectory(at('more'), at('short'), day)).rejects.toThrow(/not 32 bytes/)
    expect(readdirSync(folder)).not.toContain('more')
  })
})
