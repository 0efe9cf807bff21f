import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as answers from './adapters/http/answers.js'
import type { Representation } from './application/representation.js'
import type { TakenTask } from './application/tasks.js'
import { accepted, askByEmail, newPerson, openStand, type Stand, tokens } from './testing/stand.js'

const DAY = 86_400_000
const archive = `  archive:
    kind: manual
    instructions: Take the folder out of cabinet 4, shred it, and file the protocol.
    role: operator
    within: P14D
    identifiers: [user_id, email]
    backups: [{ name: microfilm, keep: P60D }]
`
/** Nobody resolves anybody, and nothing has to be waited for. */
const paper = `version: 1
tenant: { column: tenant_id }
identifiers: { canonical: user_id, alias: [email] }
systems:
${archive}`
const shop = `version: 1
tenant: { column: tenant_id }
identifiers: { canonical: user_id, alias: [email, 'vendor:stripe'] }
systems:
  shop-pg:
    kind: postgres
    resolves: { user_id: users.id, email: users.email }
    ceiling: 10
    backups: [{ name: nightly, keep: P30D }]
    elements:
      - { table: users, by: id, method: delete }
${archive}  ledger:
    kind: manual
    instructions: Strike the name out of the ledger in the safe.
    role: privacy_officer
    within: P30D
`
/** In evidence, and so nowhere but in the vault. */
const SECRET = 'shredded the folder of Ada Lovelace'

const folder = mkdtempSync(join(tmpdir(), 'lethe-tasks-'))
const mapFile = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
let alone: Stand
let stand: Stand
beforeAll(async () => {
  alone = await openStand({ dataMapFile: mapFile('paper.yaml', paper) })
  stand = await openStand({ dataMapFile: mapFile('shop.yaml', shop), resolutionFreshMs: 0 })
})
afterAll(async () => {
  await Promise.all([alone?.close(), stand?.close()])
  rmSync(folder, { recursive: true })
})

type Taken = Representation & { task: TakenTask }
const command = <T = Representation>(
  at: Stand,
  id: string,
  verb: string,
  body: object,
  token: string = tokens.operator,
) =>
  at.call<T & { code?: string; detail?: string }>('POST', `/v1/erasure-requests/${id}/${verb}`, {
    body,
    token,
  })
const take = (at: Stand, id: string, token?: string, systemId = 'archive') =>
  command<Taken>(at, id, 'take', { systemId }, token)
const done = { systemId: 'archive', outcome: 'erased', records: 2, reference: 'protocol 12', note: SECRET }
const attest = (at: Stand, id: string, more: object = {}, token?: string) =>
  command(at, id, 'attest', { ...done, ...more }, token)
const ask = (at: Stand, extra: object = {}) =>
  accepted(at, {
    ...askByEmail('nobody', extra),
    identifiers: [
      { type: 'user_id', value: `u-${randomUUID()}` },
      { type: 'email', value: `${randomUUID()}@example.com` },
    ],
  })
const taskOf = ({ steps }: Representation) => steps.find(({ systemId }) => systemId === 'archive')?.task
const typesOf = async (at: Stand, id: string): Promise<string[]> => {
  const { body } = await at.call<{ items: { type: string }[] }>('GET', `/v1/erasure-requests/${id}/events`, {
    token: tokens.officer,
  })
  return body.items.map(({ type }) => type)
}

/** Every row of every table that holds this text, and the log. */
async function placesOf(at: Stand, text: string): Promise<string[]> {
  const { rows } = await at.pool.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname IN ('events', 'outbox', 'inbox', 'vault', 'read_model', 'audit')`,
  )
  const found: string[] = []
  for (const { name } of rows) {
    const { rowCount } = await at.pool.query(`SELECT FROM ${name} AS t WHERE strpos(t::text, $1) > 0`, [text])
    if ((rowCount ?? 0) > 0) found.push(name)
    const hex = Buffer.from(text).toString('hex')
    const bytes = await at.pool.query(`SELECT FROM ${name} AS t WHERE strpos(t::text, $1) > 0`, [hex])
    if ((bytes.rowCount ?? 0) > 0) found.push(`${name}, as bytes`)
  }
  return [...found, ...(at.log().includes(text) ? ['the log'] : [])]
}

describe('a task that is taken', () => {
  it('tells whom it is about, what to do and until when, to who may do it, and that leaves a row each time', async () => {
    const id = await ask(alone)
    expect(await take(alone, id, tokens.viewer)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await take(alone, id, tokens.service)).toMatchObject({ status: 403 })
    expect(await take(alone, id, tokens.other)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    const { status, body } = await take(alone, id)
    expect(status).toBe(200)
    answers.takenTask.parse(body)
    expect(body.task).toMatchObject({
      systemId: 'archive',
      passId: 'archive#1/initial',
      instructions: expect.stringContaining('cabinet 4'),
      receivedAt: body.receivedAt,
    })
    expect(body.task.identifiers.map(({ type }) => type).sort()).toEqual(['email', 'user_id'])
    expect(body.task.until).toBeGreaterThan(Date.now())
    expect(taskOf(body)).toMatchObject({ state: 'open', role: 'operator', taken: { by: 'operator' } })
    expect(body.attention).toMatchObject({ owner: 'operator', code: 'task_open', systemId: 'archive' })
    expect((await take(alone, id)).body.task).toEqual(body.task)
    expect((await typesOf(alone, id)).filter((type) => type === 'TaskTaken')).toHaveLength(1)
    const { rows } = await alone.pool.query(
      `SELECT credential_id, purpose, decision FROM audit.clearances WHERE request_id = $1 ORDER BY id`,
      [id],
    )
    expect(rows).toEqual(Array(2).fill({ credential_id: 'operator', purpose: 'task', decision: 'go' }))
    for (const { value } of body.task.identifiers) expect(await placesOf(alone, value)).toEqual([])
  })

  it('has a tombstone from then on, no eraser is asked, and it can not be cancelled', async () => {
    const id = await ask(alone)
    await take(alone, id)
    const { rows } = await alone.pool.query(
      'SELECT system_id, sequence::int FROM read_model.tombstones WHERE request_id = $1',
      [id],
    )
    expect(rows).toEqual([{ system_id: 'archive', sequence: 1 }])
    const sent = await alone.pool.query<{ topic: string }>(
      'SELECT DISTINCT aggregatetype AS topic FROM outbox.message WHERE aggregateid = (SELECT subject_ref FROM read_model.requests WHERE request_id = $1)',
      [id],
    )
    expect(sent.rows.map(({ topic }) => topic)).toEqual(['erasure.status'])
    expect(await command(alone, id, 'cancel', {})).toMatchObject({ status: 409 })
  })

  it('is for the role that the data map wants', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    expect(await take(stand, id, tokens.operator, 'ledger')).toMatchObject({ status: 403 })
    expect(await take(stand, id, tokens.officer, 'ledger')).toMatchObject({ status: 200 })
    const said = { systemId: 'ledger', outcome: 'not_found', records: 0 }
    expect(await attest(stand, id, said, tokens.operator)).toMatchObject({ status: 403 })
    expect(await attest(stand, id, said, tokens.officer)).toMatchObject({ status: 200 })
  })

  it('waits where the person is resolved once more and nobody can say who is meant', async () => {
    const person = newPerson(stand)
    const id = await accepted(stand, askByEmail(person.email))
    stand.probes.failWith = 500
    expect(await take(stand, id)).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    stand.probes.failWith = null
    stand.probes.people.push({
      tenantId: 'shop',
      identifiers: [
        { type: 'user_id', value: 'somebody-else' },
        { type: 'email', value: person.email },
      ],
    })
    expect(await take(stand, id)).toMatchObject({ status: 409, body: { code: 'ambiguous_subject' } })
    const { body } = await stand.call<Representation>('GET', `/v1/erasure-requests/${id}`)
    expect(body.status).toBe('AWAITING_IDENTITY')
    expect(await typesOf(stand, id)).not.toContain('TaskTaken')
  })

  it('is none in a system with an eraser, in one nobody planned, and before the grace period is over', async () => {
    const id = await accepted(stand, askByEmail(newPerson(stand).email))
    expect(await take(stand, id, tokens.operator, 'shop-pg')).toMatchObject({
      status: 409,
      body: { code: 'illegal_transition' },
    })
    expect(await take(stand, id, tokens.operator, 'nothing')).toMatchObject({ status: 404 })
    const later = await ask(alone, { graceDays: 7 })
    expect((await take(alone, later)).body.detail).toContain('turn of this task has not come')
  })
})

describe('a task that is marked done', () => {
  it('completes the request, which says that it rests on a person’s word, and is never verified', async () => {
    const id = await ask(alone)
    await take(alone, id)
    const { status, body } = await attest(alone, id)
    expect(status).toBe(200)
    answers.erasureRequest.parse(body)
    expect(body).toMatchObject({ status: 'COMPLETED', attested: ['archive'] })
    expect(body.backupClearAt).toBeGreaterThan(Date.now() + 59 * DAY)
    expect(body.systems).toMatchObject([
      { systemId: 'archive', status: 'ATTESTED', verified: false, attested: true, probe: null },
    ])
    expect(taskOf(body)?.attestation).toMatchObject({
      outcome: 'erased',
      records: 2,
      by: 'operator',
      underHold: false,
    })
    const looked = await alone.call('GET', `/v1/erasure-requests/${id}/verification`, {
      token: tokens.officer,
    })
    answers.verificationOfOne.parse(looked.body)
    expect(looked.body).toMatchObject({ items: [{ systemId: 'archive', result: null, attested: true }] })
    const { rows } = await alone.pool.query(
      `SELECT data FROM events.events WHERE stream_id = $1 AND type = 'RequestCompleted'`,
      [id],
    )
    expect(rows[0].data.attested).toEqual(['archive'])
    const told = await alone.pool.query<{ payload: Buffer }>(
      `SELECT payload FROM outbox.message WHERE aggregatetype LIKE '%erasure.status'
         AND aggregateid = (SELECT subject_ref FROM read_model.requests WHERE request_id = $1)`,
      [id],
    )
    const values = await Promise.all(
      told.rows.map(async ({ payload }) => (await alone.codec.decode(payload)).value),
    )
    expect(values).toContainEqual(expect.objectContaining({ status: 'completed', attested: ['archive'] }))
    expect(await command(alone, id, 'reprobe', { systemId: 'archive' })).toMatchObject({ status: 409 })
  })

  it('keeps its evidence in the vault alone; officers read it, and that is written down', async () => {
    const id = await ask(alone)
    await take(alone, id)
    await attest(alone, id)
    expect(await placesOf(alone, SECRET)).toEqual([])
    expect(await command(alone, id, 'evidence', { systemId: 'archive' })).toMatchObject({ status: 403 })
    const { body } = await command<object>(alone, id, 'evidence', { systemId: 'archive' }, tokens.officer)
    answers.evidence.parse(body)
    expect(body).toEqual({ systemId: 'archive', reference: 'protocol 12', note: SECRET })
    const { rows } = await alone.pool.query(
      `SELECT actor, purpose FROM audit.vault_reads WHERE $1 = ANY (request_ids) AND system_id = '@note'`,
      [id],
    )
    expect(rows).toEqual([{ actor: 'officer', purpose: 'note' }])
    await alone.pool.query('DELETE FROM vault.notes WHERE request_id = $1', [id])
    expect(await command(alone, id, 'evidence', { systemId: 'archive' }, tokens.officer)).toMatchObject({
      status: 404,
    })
  })

  it('would be found out: the search sees a text that is planted in a table and in the log', async () => {
    const id = await ask(alone)
    await alone.pool.query(
      `INSERT INTO audit.clearances (at, credential_id, system_id, purpose, request_id, pass_id, attempt, decision)
       VALUES (1, 'planted', $1, 'task', $2, 'x', 1, 'go')`,
      ['planted-in-a-table', id],
    )
    alone.logger.info({ planted: 'planted-in-the-log' }, 'planted')
    expect(await placesOf(alone, 'planted-in-a-table')).toEqual(['audit.clearances'])
    expect(await placesOf(alone, 'planted-in-the-log')).toEqual(['the log'])
  })

  it('twice is once, its evidence too; another result is refused, and so is what nobody took', async () => {
    const id = await ask(alone)
    expect(await attest(alone, id)).toMatchObject({ status: 409, body: { code: 'illegal_transition' } })
    await take(alone, id)
    const [one, two] = await Promise.all([attest(alone, id), attest(alone, id)])
    expect([one.status, two.status]).toEqual([200, 200])
    expect((await typesOf(alone, id)).filter((type) => type === 'TaskAttested')).toHaveLength(1)
    const { rowCount } = await alone.pool.query('SELECT FROM vault.notes WHERE request_id = $1', [id])
    expect(rowCount).toBe(1)
    expect(await attest(alone, id, { records: 3 })).toMatchObject({ status: 409 })
    expect(await take(alone, id)).toMatchObject({ status: 409 })
  })

  it('refuses what cannot be so, and says which field', async () => {
    const id = await ask(alone)
    await take(alone, id)
    expect(await attest(alone, id, { outcome: 'not_found' })).toMatchObject({ status: 409 })
    expect(await attest(alone, id, { records: 0 })).toMatchObject({ status: 409 })
    expect(await attest(alone, id, { doneAt: Date.now() + DAY })).toMatchObject({ status: 409 })
    for (const wrong of [
      { outcome: 'verified' },
      { records: -1 },
      { reference: '' },
      { reference: 'x'.repeat(201) },
    ]) {
      const { status, body } = await attest(alone, id, wrong)
      expect([status, body.code]).toEqual([400, 'invalid_request'])
      expect(body.detail).toContain(`body.${Object.keys(wrong)[0]}`)
    }
    expect(await typesOf(alone, id)).not.toContain('TaskAttested')
  })
})

describe('a task and a hold', () => {
  it('is not taken while one is in force, which is told plainly', async () => {
    const id = await ask(alone)
    await command(alone, id, 'hold', { reason: SECRET }, tokens.officer)
    const { status, body } = await take(alone, id)
    expect([status, body.code]).toEqual([409, 'on_hold'])
    expect(body.detail).toContain('nothing may be erased now')
    expect((await attest(alone, id)).body.code).toBe('on_hold')
  })

  it('that was taken before: the hold says until when, and what is done all the same is recorded as that', async () => {
    const id = await ask(alone)
    const { body: taken } = await take(alone, id)
    const { body: held } = await command<Record<string, unknown>>(alone, id, 'hold', {}, tokens.officer)
    expect(held).toMatchObject({
      effectiveAt: taken.task.until,
      outstandingGrants: [{ systemId: 'archive', expiresAt: taken.task.until }],
    })
    const { status, body } = await attest(alone, id)
    expect([status, body.status]).toEqual([200, 'ON_HOLD'])
    expect(taskOf(body)).toMatchObject({ state: 'attested', attestation: { underHold: true } })
    const { body: released } = await command(alone, id, 'release', {}, tokens.officer)
    expect(released).toMatchObject({ status: 'COMPLETED', attested: ['archive'] })
  })
})

describe('what nobody but a person can look into', () => {
  it('is not called unknown in a preview, and no probe is asked by a map check', async () => {
    const { tenantId, identifiers } = askByEmail(newPerson(stand).email)
    const options = { token: tokens.operator, body: { tenantId, identifiers } }
    const preview = await stand.call('POST', '/v1/previews', options)
    answers.preview.parse(preview.body)
    expect(preview.body).toMatchObject({ byHand: ['archive', 'ledger'], unknown: [] })
    const checked = await stand.call('GET', '/v1/map-check', { token: tokens.operator })
    answers.checkedMap.parse(checked.body)
    expect(checked.body).toMatchObject({
      ok: true,
      systems: { archive: { kind: 'manual', status: 'by_hand' } },
    })
  })
})
